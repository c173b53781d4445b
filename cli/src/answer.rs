//! A response before it is one: status, headers, content.

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::body::Content;
use crate::page;
use crate::root::Refusal;

/// A response without its record.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// All headers but `Content-Length` and `Date`.
    pub headers: HeaderMap,
    /// What a `GET` is sent.
    pub content: Content,
}

impl Answer {
    /// An answer that may be kept, but not used without asking.
    pub fn new(status: StatusCode, content: Content) -> Answer {
        let answer = Answer { status, headers: HeaderMap::new(), content };
        // A browser may keep what it has, but must ask whether it is still right: files change while one works on them.
        answer.with(header::CACHE_CONTROL, "no-cache").with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
    }

    /// A page that fibra made.
    pub fn page(status: StatusCode, page: String) -> Answer {
        Answer::new(status, Content::Page(page.into()))
            .with(header::CONTENT_TYPE, "text/html; charset=utf-8")
            .with(header::CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY)
    }

    /// A page that says what is wrong.
    pub fn error(status: StatusCode, explanation: &str) -> Answer {
        Answer::page(status, page::error(&status.to_string(), explanation))
    }

    /// The answer where there is nothing to serve.
    pub fn refusal(refusal: &Refusal) -> Answer {
        match refusal {
            Refusal::NotFound => Answer::error(StatusCode::NOT_FOUND, "There is nothing at this address."),
            Refusal::Forbidden => Answer::error(StatusCode::FORBIDDEN, "The server may not read this file."),
            Refusal::NotAcceptable => Answer::error(
                StatusCode::NOT_ACCEPTABLE,
                "The server has the file in no encoding that the request accepts.",
            )
            .with(header::VARY, "Accept-Encoding"),
            Refusal::Exhausted => Answer::error(
                StatusCode::SERVICE_UNAVAILABLE,
                "The server has too much to do. Please try again.",
            )
            .with(header::RETRY_AFTER, "1"),
            Refusal::Failed(error) => {
                eprintln!("fibra: a request failed: {error}");
                Answer::error(StatusCode::INTERNAL_SERVER_ERROR, "The file can't be read.")
            }
        }
    }

    /// The same with one more header.
    pub fn with(mut self, name: HeaderName, value: &str) -> Answer {
        // Every value is made here from encoded or formatted text.
        self.headers
            .insert(name, HeaderValue::from_str(value).expect("a header value without control characters"));
        self
    }

    /// The same with one more header, if there is a value for it.
    pub fn with_some(self, name: HeaderName, value: Option<&str>) -> Answer {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}
