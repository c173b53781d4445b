//! From a request to its response.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};

use crate::body::{Content, FilePart, ResponseBody};
use crate::log::Log;
use crate::page;
use crate::range::{Wanted, wanted};
use crate::request_path::{PathError, RequestPath};
use crate::root::{Found, OpenFile, Refusal, Root};
use crate::timestamp;

/// A served directory with its log.
pub struct Site {
    root: Root,
    name: String,
    log: Log,
}

impl Site {
    /// A site that serves `root`.
    pub fn new(root: Root, log: Log) -> Site {
        let name = root
            .path()
            .file_name()
            .map_or_else(|| "/".to_owned(), |name| name.to_string_lossy().into_owned());
        Site { root, name, log }
    }

    /// Where the requests are logged.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Answers one request. The request's own body is never looked at.
    pub fn answer<B>(&self, request: &Request<B>, peer: SocketAddr) -> Response<ResponseBody> {
        let target = request.uri().path_and_query().map_or("*", |target| target.as_str());
        let mut record = self.log.request(peer, request.method().as_str(), target);
        let Answer { status, mut headers, content } = self.decide(request);
        record.status(status.as_u16());
        if status != StatusCode::NOT_MODIFIED {
            headers.insert(header::CONTENT_LENGTH, content.len().into());
        }
        let content = if request.method() == Method::HEAD { Content::Nothing } else { content };
        let mut response = Response::new(ResponseBody::new(content, record));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    fn decide<B>(&self, request: &Request<B>) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Answer::error(StatusCode::METHOD_NOT_ALLOWED, "Files can only be read here.")
                .with(header::ALLOW, "GET, HEAD");
        }
        let hosts = request.headers().get_all(header::HOST).iter().count();
        if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
            return Answer::error(StatusCode::BAD_REQUEST, "The request must name one host.");
        }
        let path = match RequestPath::parse(request.uri().path(), self.root.hidden_allowed()) {
            Ok(path) => path,
            Err(PathError::Malformed) => {
                return Answer::error(StatusCode::BAD_REQUEST, "This address is malformed.");
            }
            Err(PathError::Unservable) => return Answer::refusal(&Refusal::NotFound),
        };
        let (method, headers, query) = (request.method(), request.headers(), request.uri().query());
        // A disk may be slow and a network file system slower, and a long page takes a while: not on a worker.
        fibra::unblock(|| match self.root.look_up(&path) {
            Ok(Found::File(open)) => file(method, headers, open),
            Ok(Found::Directory(listing)) => {
                Answer::page(StatusCode::OK, page::directory(&self.name, path.names(), &listing))
            }
            Ok(Found::DirectoryWithoutSlash) => redirect(&path, query),
            Err(refusal) => Answer::refusal(&refusal),
        })
    }
}

/// A response without its record.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    content: Content,
}

impl Answer {
    fn new(status: StatusCode, content: Content) -> Answer {
        let answer = Answer { status, headers: HeaderMap::new(), content };
        // A browser may keep what it has, but must ask whether it is still right: files change while one works on them.
        answer.with(header::CACHE_CONTROL, "no-cache").with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
    }

    fn page(status: StatusCode, page: String) -> Answer {
        Answer::new(status, Content::Page(page.into()))
            .with(header::CONTENT_TYPE, "text/html; charset=utf-8")
            .with(header::CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY)
    }

    fn error(status: StatusCode, explanation: &str) -> Answer {
        Answer::page(status, page::error(&status.to_string(), explanation))
    }

    fn refusal(refusal: &Refusal) -> Answer {
        match refusal {
            Refusal::NotFound => Answer::error(StatusCode::NOT_FOUND, "There is nothing at this address."),
            Refusal::Forbidden => Answer::error(StatusCode::FORBIDDEN, "The server may not read this file."),
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

    fn with(mut self, name: HeaderName, value: &str) -> Answer {
        // Every value is made here from encoded or formatted text.
        self.headers
            .insert(name, HeaderValue::from_str(value).expect("a header value without control characters"));
        self
    }
}

fn file(method: &Method, request: &HeaderMap, open: OpenFile) -> Answer {
    let modified = open.modified.and_then(timestamp::http);
    if open.modified.is_some_and(|modified| is_known(request, modified)) {
        return dated(Answer::new(StatusCode::NOT_MODIFIED, Content::Nothing), modified.as_deref());
    }
    let whole = 0..open.len;
    let (status, part, content_range) = match range_of(method, request, modified.as_deref(), open.len) {
        Wanted::Everything => (StatusCode::OK, whole, None),
        Wanted::Part(part) => {
            let content_range = format!("bytes {}-{}/{}", part.start, part.end - 1, open.len);
            (StatusCode::PARTIAL_CONTENT, part, Some(content_range))
        }
        Wanted::Unsatisfiable => {
            return Answer::error(StatusCode::RANGE_NOT_SATISFIABLE, "The file has no such part.")
                .with(header::CONTENT_RANGE, &format!("bytes */{}", open.len));
        }
    };
    let answer = Answer::new(status, Content::File(FilePart::new(open.file.into(), part)))
        .with(header::CONTENT_TYPE, &open.media_type)
        .with(header::ACCEPT_RANGES, "bytes");
    let answer = match content_range {
        Some(content_range) => answer.with(header::CONTENT_RANGE, &content_range),
        None => answer,
    };
    dated(answer, modified.as_deref())
}

fn dated(answer: Answer, modified: Option<&str>) -> Answer {
    match modified {
        Some(modified) => answer.with(header::LAST_MODIFIED, modified),
        None => answer,
    }
}

/// Whether the client has the file as it is: `If-Modified-Since`, to the second as HTTP knows it.
fn is_known(request: &HeaderMap, modified: SystemTime) -> bool {
    // A tag has precedence over the date, and no tag is ours.
    !request.contains_key(header::IF_NONE_MATCH)
        && text(request, &header::IF_MODIFIED_SINCE)
            .and_then(|since| httpdate::parse_http_date(since).ok())
            .is_some_and(|since| modified < since + Duration::from_secs(1))
}

fn range_of(method: &Method, request: &HeaderMap, modified: Option<&str>, len: u64) -> Wanted {
    // A part of another version than the one that the client has begun with would corrupt its copy.
    let same_version = match request.get(header::IF_RANGE) {
        Some(version) => modified.is_some_and(|modified| version == modified),
        None => true,
    };
    match text(request, &header::RANGE) {
        Some(range) if same_version && method == Method::GET => wanted(range, len),
        _ => Wanted::Everything,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn redirect(path: &RequestPath, query: Option<&str>) -> Answer {
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    Answer::error(StatusCode::MOVED_PERMANENTLY, "This is a directory.")
        .with(header::LOCATION, &format!("{}{query}", path.with_slash()))
}
