//! Lookups in a real directory, hostile ones above all.

use super::*;
use std::fs;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(unix)]
mod special_files;

/// A directory `served` beside a file `outside/secret`; removed at the end.
struct Tree(PathBuf);

impl Tree {
    fn new() -> Tree {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("fibra-root-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        for directory in ["served/folder/deep", "served/indexed", "served/.git", "outside"] {
            fs::create_dir_all(path.join(directory)).unwrap();
        }
        for (file, text) in [
            ("served/a.txt", "a"),
            ("served/folder/b.txt", "bb"),
            ("served/indexed/index.html", "index"),
            ("served/.git/config", "hidden"),
            ("outside/secret", "secret"),
        ] {
            fs::write(path.join(file), text).unwrap();
        }
        Tree(path)
    }

    fn served(&self, name: &str) -> PathBuf {
        self.0.join("served").join(name)
    }

    fn root(&self) -> Root {
        Root::open(&self.served("."), false).unwrap()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // Only the temporary directory is at stake, and a panic here would hide the test's own.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn look_up(root: &Root, path: &str) -> Result<Found, Refusal> {
    let path = RequestPath::parse(path, root.hidden_allowed()).map_err(|_| Refusal::NotFound)?;
    root.look_up(&path, &[Coding::Identity])
}

fn content(root: &Root, path: &str) -> String {
    match look_up(root, path) {
        Ok(Found::File(mut open)) => {
            let mut text = String::new();
            open.file.read_to_string(&mut text).unwrap();
            assert_eq!(open.len, text.len() as u64);
            text
        }
        Ok(_) => panic!("{path} is a directory"),
        Err(refusal) => panic!("{path}: {refusal:?}"),
    }
}

fn names(root: &Root, path: &str) -> Vec<String> {
    match look_up(root, path) {
        Ok(Found::Directory(listing)) => {
            listing.entries.into_iter().map(|entry| String::from_utf8(entry.name).unwrap()).collect()
        }
        _ => panic!("{path} is no listing"),
    }
}

fn is_not_found(root: &Root, path: &str) -> bool {
    matches!(look_up(root, path), Err(Refusal::NotFound))
}

#[test]
fn files_and_directories_are_found() {
    let tree = Tree::new();
    let root = tree.root();
    assert_eq!(content(&root, "/a.txt"), "a");
    assert_eq!(content(&root, "/folder/b.txt"), "bb");
    assert_eq!(content(&root, "/indexed/"), "index");
    assert_eq!(names(&root, "/"), ["folder", "indexed", "a.txt"]);
    assert!(matches!(look_up(&root, "/folder"), Ok(Found::DirectoryWithoutSlash)));
}

#[test]
fn what_is_not_there_is_not_found() {
    let tree = Tree::new();
    let root = tree.root();
    for path in ["/none", "/folder/none", "/a.txt/", "/a.txt/x", "/folder/index.html"] {
        assert!(is_not_found(&root, path), "{path}");
    }
    assert!(is_not_found(&root, &format!("/{}", "x".repeat(300))));
}

#[test]
fn hidden_names_appear_only_when_asked_for() {
    let tree = Tree::new();
    assert!(is_not_found(&tree.root(), "/.git/config"));
    let root = Root::open(&tree.served("."), true).unwrap();
    assert_eq!(content(&root, "/.git/config"), "hidden");
    assert_eq!(names(&root, "/"), [".git", "folder", "indexed", "a.txt"]);
}

#[test]
fn only_a_directory_that_is_there_can_be_served() {
    let tree = Tree::new();
    let kind = |name: &str| Root::open(&tree.served(name), false).err().map(|error| error.kind());
    assert_eq!(kind("none"), Some(io::ErrorKind::NotFound));
    assert_eq!(kind("a.txt"), Some(io::ErrorKind::NotADirectory));
    assert_eq!(kind("folder"), None);
}

#[test]
fn every_error_of_the_system_has_its_answer() {
    let refusal = |number| Refusal::from(io::Error::from_raw_os_error(number));
    for number in codes::examples::NOT_FOUND.into_iter().chain([codes::LOOP]) {
        assert!(matches!(refusal(number), Refusal::NotFound), "{number}");
    }
    assert!(matches!(refusal(codes::examples::FORBIDDEN), Refusal::Forbidden));
    for number in codes::SHORTAGES.into_iter().chain([codes::examples::NO_MEMORY]) {
        assert!(matches!(refusal(number), Refusal::Exhausted), "{number}");
    }
    assert!(matches!(refusal(codes::examples::DEFECT), Refusal::Failed(_)));
}
