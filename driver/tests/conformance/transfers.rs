//! Reads and writes of files: at offsets, where the file stands, many at once.

use std::fs::{self, File};
use std::io::{IoSlice, IoSliceMut};

use fibra_driver::{Handle, Offset, Op};

use crate::rig::system;
use crate::scratch::{Scratch, read, write};

promises! {
    fn reads_and_writes_happen_at_their_offsets(rig) {
        let scratch = Scratch::new();
        let file = system::new_file(&scratch.0);
        assert_eq!(rig.run(write(&file, b"world", Offset::at(6))).expect("there is room"), 5);
        assert_eq!(rig.run(write(&file, b"hello ", Offset::at(0))).expect("there is room"), 6);
        let mut buffer = [0; 32];
        assert_eq!(rig.run(read(&file, &mut buffer, Offset::at(3))).expect("data is there"), 8);
        assert_eq!(&buffer[..8], b"lo world");
        assert_eq!(rig.run(read(&file, &mut buffer, Offset::at(11))).expect("the end is no error"), 0);
    }

    fn the_files_own_position_moves_along(rig) {
        let scratch = Scratch::new();
        let file = system::new_file(&scratch.0);
        for part in [b"one", b"two"] {
            assert_eq!(rig.run(write(&file, part, Offset::CURRENT)).expect("there is room"), 3);
        }
        assert_eq!(rig.run(read(&file, &mut [0; 8], Offset::CURRENT)).expect("the end is no error"), 0);
        assert_eq!(fs::read(&scratch.0).expect("it is there"), b"onetwo");
    }

    fn vectored_reads_and_writes_use_all_slices(rig) {
        let scratch = Scratch::new();
        let file = system::new_file(&scratch.0);
        let parts = [IoSlice::new(b"ab"), IoSlice::new(b"cde")];
        let slices = parts.as_ptr().cast();
        let op = Op::WriteVectored { fd: file.target(), slices, count: 2, offset: Offset::at(0) };
        assert_eq!(rig.run(op).expect("there is room"), 5);
        let (mut first, mut second) = ([0; 3], [0; 4]);
        let mut parts = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        let slices = parts.as_mut_ptr().cast();
        let op = Op::ReadVectored { fd: file.target(), slices, count: 2, offset: Offset::at(1) };
        assert_eq!(rig.run(op).expect("data is there"), 4);
        assert_eq!((&first, &second[..1]), (b"bcd", &b"e"[..]));
    }

    fn many_reads_at_once_each_get_their_own_data(rig) {
        let scratch = Scratch::new();
        let content: Vec<u8> = (0..64 * 1024u32).map(|index| (index / 1024) as u8).collect();
        fs::write(&scratch.0, &content).expect("a file in the temporary directory");
        let file = Handle::new(File::open(&scratch.0).expect("it is there").into());
        let mut buffers = vec![[0u8; 1024]; 64];
        let starts: Vec<_> = buffers.iter_mut().enumerate()
            .map(|(index, buffer)| rig.start(read(&file, buffer, Offset::at(index as u64 * 1024))))
            .collect();
        for start in starts {
            assert_eq!(rig.finish(start).expect("data is there"), 1024);
        }
        for (index, buffer) in buffers.iter().enumerate() {
            assert!(buffer.iter().all(|&byte| byte == index as u8));
        }
        rig.assert_idle();
    }
}
