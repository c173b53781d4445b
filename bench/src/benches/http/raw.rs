//! The limits: HTTP by the kernel's interfaces alone, as far as this bench's requests need it.

use std::io::{self, ErrorKind};
use std::time::SystemTime;

use httpdate::HttpDate;

use super::{HELLO, measure};
use crate::bench::{Case, Measurement, Subject};
use crate::raw::{self, Protocol, epoll, io_uring};

/// Nobody's runtime.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("raw io_uring", "io-uring", |case| sample(case, io_uring::serve::<Hello>)),
    Subject::new("raw epoll", "libc", |case| sample(case, epoll::serve::<Hello>)),
];

fn sample(case: &Case, serve: fn(raw::Setting)) -> Vec<Measurement> {
    const BUFFER: usize = 4_096;
    measure(case, move |setting| {
        serve(raw::Setting { address: setting.address, workers: setting.workers, buffer: BUFFER });
    })
}

/// Looks for the ends of heads, and takes what follows one for the next: no request has a body.
#[derive(Default)]
struct Hello {
    page: Vec<u8>,
    /// When the page was made, in seconds: its date changes with them.
    second: u64,
}

const END: &[u8] = b"\r\n\r\n";

impl Protocol for Hello {
    /// The beginning of a request that has not come whole.
    type Kept = Vec<u8>;

    fn answer(&mut self, kept: &mut Vec<u8>, buffer: &mut [u8], received: usize) -> io::Result<usize> {
        let count = if kept.is_empty() {
            let (count, rest) = whole_requests(&buffer[..received])?;
            kept.extend_from_slice(rest);
            count
        } else {
            kept.extend_from_slice(&buffer[..received]);
            let (count, rest) = whole_requests(kept)?;
            kept.drain(..kept.len() - rest.len());
            count
        };
        self.refresh();
        let length = count * self.page.len();
        let answer = buffer.get_mut(..length).ok_or(ErrorKind::QuotaExceeded)?;
        for page in answer.chunks_exact_mut(self.page.len()) {
            page.copy_from_slice(&self.page);
        }
        Ok(length)
    }
}

impl Hello {
    fn refresh(&mut self) {
        let now = SystemTime::now();
        let second = now.duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970").as_secs();
        if self.second != second {
            let (length, date) = (HELLO.len(), HttpDate::from(now));
            let page = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\ndate: {date}\r\n\r\n{HELLO}");
            (self.page, self.second) = (page.into(), second);
        }
    }
}

/// How many whole requests the bytes begin with, and what follows them.
fn whole_requests(mut bytes: &[u8]) -> io::Result<(usize, &[u8])> {
    const BEGINNING: &[u8] = b"GET / HTTP/1.1\r\n";
    let mut count = 0;
    while let Some(end) = bytes.windows(END.len()).position(|window| window == END) {
        if !bytes.starts_with(BEGINNING) {
            return Err(ErrorKind::InvalidData.into());
        }
        count += 1;
        bytes = &bytes[end + END.len()..];
    }
    Ok((count, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benches::http::REQUEST;

    fn answer(hello: &mut Hello, kept: &mut Vec<u8>, request: &str) -> io::Result<String> {
        let mut buffer = vec![0; 1024];
        buffer[..request.len()].copy_from_slice(request.as_bytes());
        let length = hello.answer(kept, &mut buffer, request.len())?;
        buffer.truncate(length);
        Ok(String::from_utf8(buffer).expect("an answer is text"))
    }

    #[test]
    fn each_request_is_answered_wherever_it_is_cut() {
        let (mut hello, mut kept) = (Hello::default(), Vec::new());
        let requests = REQUEST.repeat(3);
        for cut in 0..requests.len() {
            let (first, second) = requests.split_at(cut);
            let answers =
                [first, second].map(|part| answer(&mut hello, &mut kept, part).expect("it is right"));
            assert_eq!(answers.concat().matches("HTTP/1.1 200 OK\r\n").count(), 3);
            assert_eq!(answers.concat().matches(HELLO).count(), 3);
            assert!(kept.is_empty(), "nothing is left over when cut at {cut}");
        }
    }

    #[test]
    fn another_request_ends_the_connection() {
        let (mut hello, mut kept) = (Hello::default(), Vec::new());
        assert!(answer(&mut hello, &mut kept, "PUT / HTTP/1.1\r\n\r\n").is_err());
    }
}
