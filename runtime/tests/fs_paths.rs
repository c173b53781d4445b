//! What is said about files and directories, and done with them, is what std says and does.
//!
//! What only one system has to say is in `os_unix.rs` and `os_windows.rs`.

#[path = "support/directories.rs"]
mod directories;
#[cfg(unix)]
#[path = "support/paths_of_unix.rs"]
mod paths;
#[cfg(windows)]
#[path = "support/paths_of_windows.rs"]
mod paths;

use directories::{Scratch, everywhere};
use fibra::fs::{self, File, OpenOptions};
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs as std_fs,
    io::{self, ErrorKind},
    path::Path,
    time::{Duration, SystemTime},
};

fn assert_same(ours: &fs::Metadata, std: &std_fs::Metadata) {
    assert_eq!(
        (ours.is_file(), ours.is_dir(), ours.is_symlink(), ours.len(), ours.permissions()),
        (std.is_file(), std.is_dir(), std.is_symlink(), std.len(), std.permissions())
    );
    assert_eq!(ours.modified().unwrap(), std.modified().unwrap());
    assert_eq!(ours.accessed().unwrap(), std.accessed().unwrap());
    assert_eq!(ours.created().ok(), std.created().ok());
}

#[fibra::test]
fn metadata_is_what_std_says() {
    everywhere(|scratch| {
        let (file, link) = (scratch.join("file"), scratch.join("link"));
        std_fs::write(&file, [7; 12_345]).unwrap();
        let link = if paths::link(&file, &link) { &link } else { &file };
        for path in [&file, link, &*scratch.0, Path::new(paths::QUIET), Path::new("/")] {
            assert_same(&fs::metadata(path).unwrap(), &std_fs::metadata(path).unwrap());
            assert_same(&fs::symlink_metadata(path).unwrap(), &std_fs::symlink_metadata(path).unwrap());
            let ours = fibra::wait(fs::metadata_async(path)).unwrap();
            assert_same(&ours, &std_fs::metadata(path).unwrap());
            let ours = fibra::wait(fs::symlink_metadata_async(path)).unwrap();
            assert_same(&ours, &std_fs::symlink_metadata(path).unwrap());
        }
        let open = File::open(&file).unwrap();
        assert_same(&open.metadata().unwrap(), &std_fs::metadata(&file).unwrap());
        assert!(format!("{:?}", open.metadata().unwrap()).contains("len: 12345"));
    });
}

#[fibra::test]
fn times_before_the_epoch_are_times_too() {
    everywhere(|scratch| {
        let file = File::create(scratch.join("old")).unwrap();
        let old = SystemTime::UNIX_EPOCH - Duration::new(100, 250_000_000);
        file.set_modified(old).unwrap();
        assert_eq!(file.metadata().unwrap().modified().unwrap(), old);
        file.set_times(fs::FileTimes::new().set_accessed(old).set_modified(SystemTime::UNIX_EPOCH)).unwrap();
        let metadata = file.metadata().unwrap();
        assert_eq!(
            (metadata.accessed().unwrap(), metadata.modified().unwrap()),
            (old, SystemTime::UNIX_EPOCH)
        );
    });
}

/// On Unix root may write all the same: what we may is asked of std first.
#[fibra::test]
fn a_file_is_protected_by_path_and_by_handle() {
    everywhere(|scratch| {
        let path = scratch.join("file");
        let file = File::create(&path).unwrap();
        let writable = file.metadata().unwrap().permissions();
        assert!(!writable.readonly());
        let mut protected = writable.clone();
        protected.set_readonly(true);
        file.set_permissions(protected).unwrap();
        assert!(fs::metadata(&path).unwrap().permissions().readonly());
        let may = |outcome: io::Result<()>| outcome.map_err(|error| error.kind());
        let std = may(std_fs::write(&path, "x"));
        assert_eq!((may(fs::write(&path, "x")), may(File::create(&path).map(drop))), (std, std));
        fs::set_permissions(&path, writable).unwrap();
        assert!(!file.metadata().unwrap().permissions().readonly());
        fs::write(&path, "x").unwrap();
    });
}

#[fibra::test]
fn each_error_has_the_kind_that_std_gives_it() {
    everywhere(|scratch| {
        let (file, missing) = (scratch.join("file"), scratch.join("missing"));
        std_fs::write(&file, "x").unwrap();
        let kind = |outcome: io::Result<()>| outcome.unwrap_err().kind();
        let same = |ours: io::Result<()>, std: io::Result<()>| assert_eq!(kind(ours), kind(std));
        assert_eq!(kind(File::open(&missing).map(drop)), ErrorKind::NotFound);
        assert_eq!(kind(fibra::wait(File::open_async(&missing)).map(drop)), ErrorKind::NotFound);
        assert_eq!(kind(fs::read(&missing).map(drop)), ErrorKind::NotFound);
        assert_eq!(kind(fs::metadata(&missing).map(drop)), ErrorKind::NotFound);
        assert_eq!(kind(fs::read_dir(&missing).map(drop)), ErrorKind::NotFound);
        assert_eq!(kind(File::create_new(&file).map(drop)), ErrorKind::AlreadyExists);
        let deeper = file.join("deeper");
        same(fs::read_dir(&file).map(drop), std_fs::read_dir(&file).map(drop));
        same(File::open(&deeper).map(drop), std_fs::File::open(&deeper).map(drop));
        same(File::create(&scratch.0).map(drop), std_fs::File::create(&scratch.0).map(drop));
        assert_eq!(kind(fs::create_dir(&file)), ErrorKind::AlreadyExists);
        assert_eq!(kind(fs::remove_dir(&scratch.0)), ErrorKind::DirectoryNotEmpty);
        for with_nul in ["nul\0nul", "\0"] {
            assert_eq!(kind(File::open(with_nul).map(drop)), ErrorKind::InvalidInput);
            assert_eq!(kind(fs::metadata(with_nul).map(drop)), ErrorKind::InvalidInput);
            assert_eq!(kind(fibra::wait(fs::metadata_async(with_nul)).map(drop)), ErrorKind::InvalidInput);
        }
        let refused = io::Write::write(&mut std_fs::File::open(&file).unwrap(), b"x").unwrap_err();
        let ours = io::Write::write(&mut File::open(&file).unwrap(), b"x").unwrap_err();
        assert_eq!(ours.raw_os_error(), refused.raw_os_error());
    });
}

#[fibra::test]
fn directories_are_built_as_std_builds_them() {
    everywhere(|scratch| {
        let deep = scratch.join("deeper/still");
        for recursive in [false, true, true] {
            let ours = fs::DirBuilder::new().recursive(recursive).create(&deep);
            assert_eq!(ours.is_ok(), recursive);
            assert_eq!(deep.is_dir(), recursive);
        }
        let there = fs::DirBuilder::new().create(&deep).unwrap_err();
        assert_eq!(there.kind(), ErrorKind::AlreadyExists);
    });
}

/// All combinations, against std.
#[fibra::test]
fn options_open_what_std_opens() {
    everywhere(|scratch| {
        let path = scratch.join("file");
        for bits in 0..128_u32 {
            let bit = |number: u32| bits >> number & 1 == 1;
            let set_up = || {
                if bit(6) {
                    std_fs::write(&path, "content").unwrap();
                } else {
                    let _there_may_be_none = std_fs::remove_file(&path);
                }
            };
            let seen = |open: io::Result<()>| {
                let outcome = open.map_err(|error| error.kind());
                (outcome, std_fs::read(&path).ok())
            };
            set_up();
            let mut options = std_fs::OpenOptions::new();
            options.read(bit(0)).write(bit(1)).append(bit(2));
            options.truncate(bit(3)).create(bit(4)).create_new(bit(5));
            let std = seen(options.open(&path).map(drop));
            set_up();
            let mut options = OpenOptions::new();
            options.read(bit(0)).write(bit(1)).append(bit(2));
            options.truncate(bit(3)).create(bit(4)).create_new(bit(5));
            assert_eq!(seen(options.open(&path).map(drop)), std, "{options:?}");
        }
    });
}

#[fibra::test]
fn a_directory_of_ten_thousand_is_listed_once_each() {
    let scratch = Scratch::new();
    let names: BTreeSet<OsString> = (0..10_000).map(|number| format!("entry {number}").into()).collect();
    for name in &names {
        std_fs::File::create(scratch.0.join(name)).unwrap();
    }
    let mut listed: Vec<_> =
        fs::read_dir(&scratch.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    listed.sort();
    assert!(listed.iter().eq(&names));
    let (mut listed, mut entries) = (Vec::new(), fibra::wait(fs::read_dir_async(&scratch.0)).unwrap());
    while let Some(entry) = fibra::wait(entries.next_async()) {
        listed.push(entry.unwrap().file_name());
    }
    listed.sort();
    assert!(listed.iter().eq(&names));
    assert!(entries.next().is_none() && fibra::wait(entries.next_async()).is_none());
}

#[fibra::test]
fn entries_know_what_they_are() {
    everywhere(|scratch| {
        std_fs::write(scratch.join("file"), "12345").unwrap();
        std_fs::create_dir(scratch.join("directory")).unwrap();
        let links = usize::from(paths::link("nowhere", scratch.join("link")));
        let mut seen = BTreeSet::new();
        for entry in fs::read_dir(&scratch.0).unwrap() {
            let entry = entry.unwrap();
            let (kind, metadata) = (entry.file_type().unwrap(), entry.metadata().unwrap());
            assert_eq!(kind, metadata.file_type());
            assert_eq!(entry.path(), scratch.0.join(entry.file_name()));
            let name = entry.file_name().into_string().unwrap();
            assert_eq!(kind.is_file(), name == "file");
            assert_eq!(kind.is_dir(), name == "directory");
            assert_eq!(kind.is_symlink(), name == "link");
            assert!(kind.is_symlink() || metadata.len() == 5 || name != "file");
            seen.insert(name);
        }
        assert_eq!(seen.len(), 2 + links);
    });
}

#[fibra::test]
fn paths_are_made_moved_and_removed() {
    everywhere(|scratch| {
        let deep = scratch.join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        fs::create_dir_all(&deep).unwrap();
        let (one, two, three) = (deep.join("one"), deep.join("two"), deep.join("three"));
        fs::write(&one, "content").unwrap();
        // It is 7, but Wine never says how much it has copied.
        let copied = std_fs::copy(&one, &three).unwrap();
        assert_eq!(fs::copy(&one, &two).unwrap(), copied);
        fs::rename(&two, &three).unwrap();
        assert!(!fs::exists(&two).unwrap() && fs::exists(&three).unwrap());
        fs::hard_link(&one, &two).unwrap();
        fs::write(&one, "changed").unwrap();
        fs::remove_file(&one).unwrap();
        assert_eq!(fs::read_to_string(&two).unwrap(), "changed");
        assert_eq!(fs::canonicalize(deep.join("../c/two")).unwrap(), std_fs::canonicalize(&two).unwrap());
        if paths::link("two", deep.join("link")) {
            assert_eq!(fs::read_link(deep.join("link")).unwrap(), Path::new("two"));
            assert_eq!(
                fs::canonicalize(deep.join("../c/link")).unwrap(),
                std_fs::canonicalize(&two).unwrap()
            );
        }
        fs::create_dir(scratch.join("empty")).unwrap();
        fs::remove_dir(scratch.join("empty")).unwrap();
        fs::remove_dir_all(scratch.join("a")).unwrap();
        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 0);
    });
}
