//! The served directory, and nothing outside it.
//!
//! The directory is opened once, and everything is opened relative to that descriptor by the kernel's own confinement
//! (`openat2` with `RESOLVE_BENEATH`; where that is missing, name by name). There is no check that a rename or a new
//! symbolic link between check and use could undo. All functions block: they belong on the offload pool.

use std::fs::{File, Metadata as StdMetadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata};

use crate::encoding::Coding;
use crate::listing::{Entry, Listing};
use crate::media_type::media_type;
use crate::request_path::{RequestPath, is_hidden};
use crate::version::Version;

#[cfg(unix)]
#[path = "root/unix.rs"]
pub mod codes;
#[cfg(windows)]
#[path = "root/windows.rs"]
pub mod codes;

/// What a directory's own page is called.
const INDEX: &str = "index.html";

/// The served directory.
pub struct Root {
    path: PathBuf,
    dir: Dir,
    hidden_allowed: bool,
}

/// What a request's path leads to.
pub enum Found {
    /// A regular file, open for reading.
    File(OpenFile),
    /// A directory without an index page.
    Directory(Listing),
    /// A directory, but the URL lacks the slash at the end.
    DirectoryWithoutSlash,
}

/// A regular file as it was when it was opened, or its compressed sibling.
pub struct OpenFile {
    /// Open for reading.
    pub file: File,
    /// For `Content-Type`: what is in it once it is decoded.
    pub media_type: String,
    /// How the bytes are coded.
    pub coding: Coding,
    /// Bytes.
    pub len: u64,
    /// Which ones.
    pub version: Version,
}

/// Why there is nothing to serve.
#[derive(Debug)]
pub enum Refusal {
    /// No such file, or one that isn't to be seen.
    NotFound,
    /// The file is there, but this process may not read it.
    Forbidden,
    /// The file is there, but in no coding that the client accepts.
    NotAcceptable,
    /// The process is out of descriptors or memory for the moment.
    Exhausted,
    /// Anything else: a defective disk, a lost network file system.
    Failed(io::Error),
}

impl Root {
    /// Opens the directory to serve.
    ///
    /// # Errors
    ///
    /// It is missing, not a directory, or can't be listed.
    pub fn open(directory: &Path, hidden_allowed: bool) -> io::Result<Root> {
        let path = std::fs::canonicalize(directory)?;
        if !path.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        let dir = Dir::open_ambient_dir(&path, ambient_authority())?;
        // Opening proves little about the permission to list: better refused now than at each request.
        dir.entries()?;
        Ok(Root { path, dir, hidden_allowed })
    }

    /// Where the directory is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether names with a dot in front are served.
    pub fn hidden_allowed(&self) -> bool {
        self.hidden_allowed
    }

    /// Opens or lists what `path` names; a file in the first of the codings in `accepted` that it has. Blocks.
    pub fn look_up(&self, path: &RequestPath, accepted: &[Coding]) -> Result<Found, Refusal> {
        let relative = path.relative().ok_or(Refusal::NotFound)?;
        let metadata = self.metadata(&relative)?;
        match (metadata.is_dir(), path.names_a_directory()) {
            (true, true) => match self.index(&relative.join(INDEX), accepted) {
                Ok(index) => Ok(Found::File(index)),
                Err(Refusal::NotFound) => Ok(Found::Directory(self.list(&relative)?)),
                Err(refusal) => Err(refusal),
            },
            (true, false) => Ok(Found::DirectoryWithoutSlash),
            (false, false) => Ok(Found::File(self.open_coded(&relative, &metadata, accepted)?)),
            (false, true) => Err(Refusal::NotFound),
        }
    }

    fn index(&self, relative: &Path, accepted: &[Coding]) -> Result<OpenFile, Refusal> {
        self.open_coded(relative, &self.metadata(relative)?, accepted)
    }

    fn metadata(&self, relative: &Path) -> Result<Metadata, Refusal> {
        Ok(self.inside(relative, |path| self.dir.metadata(path))?)
    }

    /// Opens a regular file, which `metadata` must say it is, or its sibling in a preferred coding.
    fn open_coded(
        &self,
        relative: &Path,
        metadata: &Metadata,
        accepted: &[Coding],
    ) -> Result<OpenFile, Refusal> {
        let (file, metadata) = self.open_file(relative, metadata)?;
        // The sibling has the type of what it decodes to.
        let media_type = media_type(relative, &file)?;
        let mut own = Some(file);
        let found = accepted.iter().find_map(|&coding| match coding {
            Coding::Identity => Some((coding, own.take()?, metadata.clone())),
            _ => self.sibling(relative, &metadata, coding).map(|(file, metadata)| (coding, file, metadata)),
        });
        let (coding, file, metadata) = found.ok_or(Refusal::NotAcceptable)?;
        let version = Version::new(&metadata, coding, SystemTime::now());
        Ok(OpenFile { file, media_type, coding, len: metadata.len(), version })
    }

    /// The compressed sibling of a file, if there is one. One that is older was made of what the file once was, and one
    /// that can't be opened is as good as absent: the file itself is there.
    fn sibling(
        &self,
        relative: &Path,
        original: &StdMetadata,
        coding: Coding,
    ) -> Option<(File, StdMetadata)> {
        let mut name = relative.as_os_str().to_owned();
        name.push(coding.suffix());
        let name = Path::new(&name);
        let (file, metadata) = self.open_file(name, &self.metadata(name).ok()?).ok()?;
        (metadata.modified().ok()? >= original.modified().ok()?).then_some((file, metadata))
    }

    /// Opens a regular file, which `metadata` must say it is; anything else is as good as absent.
    fn open_file(&self, relative: &Path, metadata: &Metadata) -> Result<(File, StdMetadata), Refusal> {
        // Looked at before, since opening a FIFO would wait for a writer; looked at again on the descriptor, since only
        // that tells what was opened.
        if !metadata.is_file() {
            return Err(Refusal::NotFound);
        }
        let file = self.inside(relative, |path| self.dir.open(path))?.into_std();
        let metadata = file.metadata()?;
        if metadata.is_file() { Ok((file, metadata)) } else { Err(Refusal::NotFound) }
    }

    fn list(&self, relative: &Path) -> Result<Listing, Refusal> {
        let mut entries = Vec::new();
        for entry in self.inside(relative, |path| self.dir.read_dir(path))? {
            let entry = entry?;
            let name = entry.file_name();
            if is_hidden(&name) && !self.hidden_allowed {
                continue;
            }
            let metadata = match entry.metadata() {
                // Only what it leads to tells whether and as what it can be served.
                Ok(metadata) if metadata.is_symlink() => self.metadata(&relative.join(&name)).ok(),
                Ok(metadata) => Some(metadata),
                // Removed since it was read, or not ours to see: a listing goes on without it.
                Err(_) => None,
            };
            entries.extend(metadata.and_then(|metadata| Entry::new(&name, &metadata)));
        }
        Ok(Listing::new(entries))
    }

    /// Runs `access` on a path that is confined to the directory.
    fn inside<T>(&self, relative: &Path, access: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
        match access(relative) {
            Err(escape) if leads_out(&escape) => {
                // An absolute link counts as leading out even when it ends inside. Find out where it ends; the access
                // by that name is confined again, so nothing is lost if the tree changes in between.
                let end = std::fs::canonicalize(self.path.join(relative))?;
                match end.strip_prefix(&self.path) {
                    Ok(inside) if inside.as_os_str().is_empty() => access(Path::new(".")),
                    Ok(inside) => access(inside),
                    Err(_) => Err(io::Error::from(io::ErrorKind::NotFound)),
                }
            }
            result => result,
        }
    }
}

/// Whether the error is the confinement's: the one "permission denied" that isn't an answer of the system.
fn leads_out(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound, OutOfMemory, PermissionDenied};
        match (error.kind(), error.raw_os_error()) {
            // A loop of links has no stable kind.
            (NotFound | NotADirectory | InvalidFilename, _) | (_, Some(codes::LOOP)) => Refusal::NotFound,
            (PermissionDenied, None) => Refusal::NotFound,
            (PermissionDenied, Some(_)) => Refusal::Forbidden,
            (OutOfMemory, _) => Refusal::Exhausted,
            (_, Some(code)) if codes::SHORTAGES.contains(&code) => Refusal::Exhausted,
            _ => Refusal::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests;
