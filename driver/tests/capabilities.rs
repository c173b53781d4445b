//! The README's table of operations says of each backend what the backend says of itself.

use std::net::Shutdown;
use std::ptr::{null, null_mut};
use std::time::Instant;

use fibra_driver::{BackendKind, Capability, Config, Driver, Interest, Offset, Op, Target};

const README: &str = include_str!("../../README.md");

/// One of each, in the order of the table.
fn operations() -> Vec<Op> {
    let fd = Target::foreign(Default::default());
    let offset = Offset::at(0);
    vec![
        Op::Accept { fd, address: null_mut() },
        Op::Connect { fd, address: null() },
        Op::Recv { fd, buffer: null_mut(), len: 0, flags: 0 },
        Op::RecvShared { fd, bytes: null_mut() },
        Op::Send { fd, buffer: null(), len: 0, flags: 0 },
        Op::RecvVectored { fd, slices: null_mut(), count: 0 },
        Op::SendVectored { fd, slices: null(), count: 0 },
        Op::RecvFrom { fd, buffer: null_mut(), len: 0, peek: false, address: null_mut() },
        Op::SendTo { fd, buffer: null(), len: 0, address: null() },
        Op::SendFile { fd, file: fd.fd(), offset: 0, len: 0 },
        Op::AcceptPipe { fd },
        Op::Shutdown { fd, how: Shutdown::Both },
        Op::Poll { fd, interest: Interest::READABLE },
        Op::Read { fd, buffer: null_mut(), len: 0, offset },
        Op::Write { fd, buffer: null(), len: 0, offset },
        Op::ReadVectored { fd, slices: null_mut(), count: 0, offset },
        Op::WriteVectored { fd, slices: null(), count: 0, offset },
        Op::Open { path: null(), flags: Default::default(), mode: 0 },
        Op::Statx { fd: None, path: null(), flags: 0, mask: 0, out: null_mut() },
        Op::Sync { fd, data_only: false },
        Op::Close { fd: fd.fd() },
        Op::Timeout { deadline: Instant::now() },
    ]
}

/// The cells of the table's rows; the first row is its head.
fn table() -> Vec<Vec<&'static str>> {
    let lines = README.lines().skip_while(|line| !line.starts_with("| operation |"));
    let rows = lines.take_while(|line| line.starts_with('|')).filter(|line| !line.starts_with("| ---"));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn word(capability: Capability) -> &'static str {
    match capability {
        Capability::Native => "native",
        Capability::Emulated => "emulated",
        Capability::Pool => "pool",
        Capability::Unsupported => "unsupported",
        other => panic!("a word for {other:?} is missing here and in the table"),
    }
}

#[test]
fn the_readme_says_how_each_backend_does_each_operation() {
    let table = table();
    let (head, rows) = table.split_first().expect("the README has the table");
    assert_eq!(rows.len(), operations().len(), "each operation has a row");
    for &kind in BackendKind::ALL {
        let column = head.iter().position(|&title| title == kind.name());
        let column = column.unwrap_or_else(|| panic!("{kind} has no column"));
        let mut config = Config::default();
        (config.backend, config.environment) = (Some(kind), false);
        let driver = Driver::new(&config).expect("a backend of this system works");
        for (op, row) in operations().iter().zip(rows) {
            let does = word(driver.capability(op));
            assert_eq!(row[0], op.name(), "the rows are in the order of this test");
            assert!(row[column].contains(does), "{kind} {}: it is {does}, not {}", op.name(), row[column]);
        }
    }
}
