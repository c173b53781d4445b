//! Files on Unix, as std has them there: modes, inodes, links, flags of the system's, and sockets in directories.
#![cfg(unix)]

#[path = "support/directories.rs"]
mod directories;

use directories::everywhere;
use fibra::fs::{self, File, OpenOptions};
use std::{
    fs as std_fs,
    os::unix::fs::{
        DirBuilderExt, DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt,
        symlink,
    },
    path::Path,
};

#[fibra::test]
fn metadata_has_the_numbers_that_std_has() {
    let numbers = |metadata: &dyn MetadataExt| {
        let times = [metadata.atime(), metadata.mtime(), metadata.ctime()];
        let fractions = [metadata.atime_nsec(), metadata.mtime_nsec(), metadata.ctime_nsec()];
        let owners = [metadata.mode(), metadata.uid(), metadata.gid()];
        let places = [metadata.dev(), metadata.ino(), metadata.rdev(), metadata.nlink()];
        (times, fractions, owners, places, [metadata.size(), metadata.blksize(), metadata.blocks()])
    };
    everywhere(move |scratch| {
        let (file, link) = (scratch.join("file"), scratch.join("link"));
        std_fs::write(&file, [7; 12_345]).unwrap();
        symlink(&file, &link).unwrap();
        // A device that nobody else writes to: that would change its times.
        for path in [&*file, &*link, &*scratch.0, Path::new("/dev/full"), Path::new("/")] {
            let (ours, std) = (fs::metadata(path).unwrap(), std_fs::metadata(path).unwrap());
            assert_eq!(numbers(&ours), numbers(&std));
            let (ours, std) = (fs::symlink_metadata(path).unwrap(), std_fs::symlink_metadata(path).unwrap());
            assert_eq!(numbers(&ours), numbers(&std));
        }
        let open = File::open(&file).unwrap();
        assert_eq!(numbers(&open.metadata().unwrap()), numbers(&std_fs::metadata(&file).unwrap()));
    });
}

#[fibra::test]
fn permissions_are_set_by_path_and_by_handle() {
    everywhere(|scratch| {
        let path = scratch.join("file");
        let file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&path).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o640);
        file.set_permissions(fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        assert!(fs::metadata(&path).unwrap().permissions().readonly());
    });
}

#[fibra::test]
fn a_directory_is_created_with_the_mode_that_is_asked_for() {
    everywhere(|scratch| {
        let path = scratch.join("directory");
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    });
}

/// Root may do anything: what it may do is asked of std first.
#[fibra::test]
fn who_may_not_is_told_so() {
    everywhere(|scratch| {
        let path = scratch.join("secret");
        std_fs::write(&path, "x").unwrap();
        std_fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
        let std = std_fs::File::open(&path).map(drop).map_err(|error| error.kind());
        let ours = File::open(&path).map(drop).map_err(|error| error.kind());
        let future = fibra::wait(File::open_async(&path)).map(drop).map_err(|error| error.kind());
        assert_eq!((ours, future), (std, std));
        // Nobody may write there, root neither.
        let std = std_fs::write("/proc/version", "x").unwrap_err();
        let ours = fs::write("/proc/version", "x").unwrap_err();
        assert_eq!(ours.kind(), std.kind());
    });
}

#[fibra::test]
fn custom_flags_are_passed_on() {
    everywhere(|scratch| {
        let link = scratch.join("link");
        symlink("/dev/null", &link).unwrap();
        let error = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&link).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
        // The access mode can't be smuggled in.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_RDWR).open("/dev/null").unwrap();
        assert_eq!(FileExt::write_at(&file, b"x", 0).unwrap_err().raw_os_error(), Some(libc::EBADF));
    });
}

#[fibra::test]
fn entries_know_their_inodes_and_sockets() {
    everywhere(|scratch| {
        std_fs::write(scratch.join("file"), "").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(scratch.join("socket")).unwrap();
        let entries: Vec<_> = fs::read_dir(&scratch.0).unwrap().map(|entry| entry.unwrap()).collect();
        assert_eq!(entries.len(), 2);
        for entry in entries {
            let (kind, metadata) = (entry.file_type().unwrap(), entry.metadata().unwrap());
            assert_eq!((kind, entry.ino()), (metadata.file_type(), metadata.ino()));
            assert_eq!(kind.is_socket(), entry.file_name() == "socket");
            assert!(!kind.is_fifo() && !kind.is_char_device() && !kind.is_block_device());
        }
    });
}

#[fibra::test]
fn a_second_name_is_counted() {
    everywhere(|scratch| {
        let (one, two) = (scratch.join("one"), scratch.join("two"));
        fs::write(&one, "content").unwrap();
        fs::hard_link(&one, &two).unwrap();
        assert_eq!(fs::metadata(&one).unwrap().nlink(), 2);
        fs::remove_file(&one).unwrap();
        assert_eq!(fs::metadata(&two).unwrap().nlink(), 1);
    });
}
