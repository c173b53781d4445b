//! A file's bytes sent over a connection: by the system alone where it can do that without holding up a thread, else through memory of
//! ours.

use super::TcpStream;
use crate::{
    fs::File,
    io::{borrowed, owned},
};
use std::{
    future::Future,
    io::{self, ErrorKind, Write},
    ops::{Bound, RangeBounds},
    sync::Arc,
};

/// How much of a file is read before it is sent, where it goes through memory, in bytes.
const MEMORY: usize = 128 * 1024;

impl TcpStream {
    /// Sends the bytes of a file that lie in `range`, as far as it has them, and returns how many. The file's position doesn't
    /// matter; where it stands afterwards is not said.
    ///
    /// On Windows the system does it alone (`TransmitFile`). Elsewhere, what is read is sent: a call that does both blocks
    /// its thread, for the disk or for a slow peer.
    ///
    /// # Errors
    ///
    /// The file's or the connection's. What was sent until then is not said.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. Some of the bytes may have been sent.
    ///
    /// ```
    /// use fibra::{fs::{self, File}, net::{TcpListener, TcpStream}};
    /// use std::io::Read;
    /// # let path = std::env::temp_dir().join(format!("fibra-doc-send-file-{}", std::process::id()));
    /// fs::write(&path, "a whole file")?;
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut client = TcpStream::connect(listener.local_addr()?)?;
    /// let (stream, _) = listener.accept()?;
    /// let file = File::open(&path)?;
    /// assert_eq!(stream.send_file(&file, 2..)?, 10);
    /// let mut sent = [0; 10];
    /// client.read_exact(&mut sent)?;
    /// assert_eq!(&sent, b"whole file");
    /// # drop(file);
    /// # fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_file(&self, file: &File, range: impl RangeBounds<u64>) -> io::Result<u64> {
        let mut part = Part::of(&range);
        while let Some(len) = part.left() {
            let sent = self.socket.wait(Some(&self.socket.write_timeout), |socket, deadline| {
                borrowed::send_file(socket, file.as_handle(), part.at, len, deadline)
            });
            match sent {
                Ok(0) => break,
                Ok(sent) => part.advance(sent),
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    return self.send_through_memory(file, part);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(part.sent)
    }

    fn send_through_memory(&self, file: &File, mut part: Part) -> io::Result<u64> {
        let mut memory = part.memory();
        while let Some(len) = part.left() {
            let room = len.min(memory.len());
            match file.read_at(&mut memory[..room], part.at) {
                Ok(0) => break,
                Ok(read) => {
                    (&*self).write_all(&memory[..read])?;
                    part.advance(read);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(part.sent)
    }

    /// Sends the bytes of a file, as [`send_file`](TcpStream::send_file).
    ///
    /// # Errors
    ///
    /// As [`send_file`](TcpStream::send_file).
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops it; some of the bytes may have been sent.
    ///
    /// ```
    /// # use fibra::{fs::{self, File}, net::{TcpListener, TcpStream}};
    /// # let path = std::env::temp_dir().join(format!("fibra-doc-send-file-async-{}", std::process::id()));
    /// # fs::write(&path, "a file")?;
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let client = TcpStream::connect(listener.local_addr()?)?;
    /// # let (stream, _) = listener.accept()?;
    /// let file = File::open(&path)?;
    /// assert_eq!(fibra::block_on(stream.send_file_async(&file, ..=1))?, 2);
    /// # drop(file);
    /// # fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_file_async<R: RangeBounds<u64>>(
        &self,
        file: &File,
        range: R,
    ) -> impl Future<Output = io::Result<u64>> + Send + use<R> {
        let (stream, part) = (Self::from_socket(Arc::clone(&self.socket)), Part::of(&range));
        let file = file.try_clone();
        async move {
            let (file, mut part) = (file?, part);
            while let Some(len) = part.left() {
                let sent = owned::send_file(Arc::clone(&stream.socket), file.share(), part.at, len).await;
                match sent {
                    Ok(0) => break,
                    Ok(sent) => part.advance(sent),
                    Err(error) if error.kind() == ErrorKind::Unsupported => {
                        return stream.send_through_memory_async(&file, part).await;
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(part.sent)
        }
    }

    async fn send_through_memory_async(&self, file: &File, mut part: Part) -> io::Result<u64> {
        let mut memory = part.memory();
        while let Some(len) = part.left() {
            memory.resize(len.min(memory.capacity()), 0);
            let read;
            (read, memory) = file.read_at_async(memory, part.at).await;
            match read {
                Ok(0) => break,
                Ok(read) => {
                    memory.truncate(read);
                    let written;
                    (written, memory) = self.write_all_async(memory).await;
                    written?;
                    part.advance(read);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(part.sent)
    }
}

/// What is to be sent of a file.
struct Part {
    at: u64,
    end: u64,
    sent: u64,
}

impl Part {
    /// What no file reaches, 2^64, is as good as the end.
    fn of(range: &impl RangeBounds<u64>) -> Part {
        let at = match range.start_bound() {
            Bound::Included(&first) => first,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => u64::MAX,
        };
        Part { at, end, sent: 0 }
    }

    /// How many bytes; `None` if there are no more.
    fn left(&self) -> Option<usize> {
        let left = self.end.saturating_sub(self.at);
        (left > 0).then(|| usize::try_from(left).unwrap_or(usize::MAX))
    }

    fn advance(&mut self, sent: usize) {
        self.at += sent as u64;
        self.sent += sent as u64;
    }

    /// What it goes through.
    fn memory(&self) -> Vec<u8> {
        vec![0; self.left().unwrap_or(0).min(MEMORY)]
    }
}
