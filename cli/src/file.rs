//! The answer to a request for a file: the conditions first, then which parts of which version.

use std::collections::VecDeque;

use hyper::header::{self, HeaderMap};
use hyper::{Method, StatusCode};

use crate::answer::Answer;
use crate::body::{Content, FileParts, Piece};
use crate::encoding::Coding;
use crate::multipart::{Multipart, content_range};
use crate::preconditions::{self, Outcome};
use crate::range::{Wanted, wanted};
use crate::root::OpenFile;

/// Answers a `GET` or `HEAD` of `open`.
pub fn answer(method: &Method, request: &HeaderMap, open: OpenFile) -> Answer {
    match preconditions::evaluate(request, &open.version) {
        Outcome::Met => (),
        Outcome::NotModified => {
            return identified(Answer::new(StatusCode::NOT_MODIFIED, Content::Nothing), &open);
        }
        Outcome::Failed => return failed(),
    }
    match wanted_parts(method, request, &open) {
        Wanted::Everything => {
            let whole = Piece::Part(0..open.len);
            send(StatusCode::OK, open, [whole].into(), None)
        }
        Wanted::Unsatisfiable => {
            Answer::error(StatusCode::RANGE_NOT_SATISFIABLE, "The file has no such part.")
                .with(header::CONTENT_RANGE, &format!("bytes */{}", open.len))
        }
        Wanted::Parts(parts) => {
            // Who has a part of this version already has what describes the whole.
            let is_resumed = request.contains_key(header::IF_RANGE);
            let answer = match <[_; 1]>::try_from(parts) {
                Ok([part]) => {
                    let range = content_range(&part, open.len);
                    send(StatusCode::PARTIAL_CONTENT, open, [Piece::Part(part)].into(), None)
                        .with(header::CONTENT_RANGE, &range)
                }
                Err(parts) => {
                    let multipart = Multipart::new();
                    let pieces = multipart.pieces(parts, open.len, &open.media_type);
                    send(StatusCode::PARTIAL_CONTENT, open, pieces, Some(&multipart.media_type()))
                }
            };
            if is_resumed { without_description(answer) } else { answer }
        }
    }
}

/// The answer where a condition isn't met.
pub fn failed() -> Answer {
    Answer::error(StatusCode::PRECONDITION_FAILED, "This is not the version that the request is about.")
}

fn wanted_parts(method: &Method, request: &HeaderMap, open: &OpenFile) -> Wanted {
    let mut ranges = request.get_all(header::RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Wanted::Everything };
    if method != Method::GET || !preconditions::allows_a_part(request, &open.version) {
        return Wanted::Everything;
    }
    match range.to_str().map_or(Wanted::Everything, |range| wanted(range, open.len)) {
        // A multipart body has no place to say that its parts, but not itself, are coded.
        Wanted::Parts(parts) if parts.len() > 1 && open.coding != Coding::Identity => Wanted::Everything,
        wanted => wanted,
    }
}

fn send(status: StatusCode, open: OpenFile, pieces: VecDeque<Piece>, media_type: Option<&str>) -> Answer {
    let answer = Answer::new(status, Content::Nothing)
        .with(header::CONTENT_TYPE, media_type.unwrap_or(&open.media_type))
        .with(header::ACCEPT_RANGES, "bytes")
        .with_some(header::CONTENT_ENCODING, open.coding.name())
        .with_some(header::LAST_MODIFIED, open.version.modified_text().as_deref());
    let answer = identified(answer, &open);
    Answer { content: Content::File(FileParts::new(open.file.into(), pieces)), ..answer }
}

/// What a cache needs to know which of its responses this is. Every file varies: a compressed sibling may come at any time.
fn identified(answer: Answer, open: &OpenFile) -> Answer {
    answer.with(header::ETAG, open.version.tag_text()).with(header::VARY, "Accept-Encoding")
}

/// Without the fields that a `206` to an `If-Range` should leave out (RFC 9110, section 15.3.7). The type of several parts
/// stays: it is how they are told apart.
fn without_description(mut answer: Answer) -> Answer {
    answer.headers.remove(header::LAST_MODIFIED);
    answer.headers.remove(header::CONTENT_ENCODING);
    if answer.headers.contains_key(header::CONTENT_RANGE) {
        answer.headers.remove(header::CONTENT_TYPE);
    }
    answer
}
