//! From a request to its response.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};

use crate::answer::Answer;
use crate::body::{Content, Delivery, ResponseBody};
use crate::log::Log;
use crate::metrics::{self, Metrics};
use crate::patience::Exchange;
use crate::preconditions::{self, Outcome};
use crate::request_path::{PathError, RequestPath};
use crate::root::{Found, Refusal, Root};
use crate::version::Version;
use crate::{encoding, file, page};

/// A served directory with its log and its numbers.
pub struct Site {
    root: Root,
    name: String,
    log: Log,
    metrics: Metrics,
}

impl Site {
    /// A site that serves `root`.
    pub fn new(root: Root, log: Log, metrics: Metrics) -> Site {
        let name = root
            .path()
            .file_name()
            .map_or_else(|| "/".to_owned(), |name| name.to_string_lossy().into_owned());
        Site { root, name, log, metrics }
    }

    /// Where the requests are logged.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Answers one request. The request's own body is never looked at.
    pub fn answer<B>(
        &self,
        request: &Request<B>,
        peer: SocketAddr,
        exchange: Exchange,
    ) -> Response<ResponseBody> {
        let target = request.uri().path_and_query().map_or("*", |target| target.as_str());
        let mut record = self.log.request(peer, request.method().as_str(), target);
        let Answer { status, mut headers, content } = self.decide(request, peer);
        record.status(status.as_u16());
        let counters = Arc::clone(&self.metrics.counters);
        counters.answered(status);
        if status != StatusCode::NOT_MODIFIED {
            headers.insert(header::CONTENT_LENGTH, content.len().into());
        }
        let content = if request.method() == Method::HEAD { Content::Nothing } else { content };
        let delivery = Delivery { record, exchange, counters };
        let mut response = Response::new(ResponseBody::new(content, delivery));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    fn decide<B>(&self, request: &Request<B>, peer: SocketAddr) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Answer::error(StatusCode::METHOD_NOT_ALLOWED, "Files can only be read here.")
                .with(header::ALLOW, "GET, HEAD");
        }
        let hosts = request.headers().get_all(header::HOST).iter().count();
        if hosts > 1 || (hosts == 0 && request.version() == hyper::Version::HTTP_11) {
            return Answer::error(StatusCode::BAD_REQUEST, "The request must name one host.");
        }
        if request.uri().path() == metrics::PATH {
            return self.metrics.answer(request.headers(), peer);
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
        let accepted = encoding::accepted(headers);
        fibra::unblock(|| match self.root.look_up(&path, &accepted) {
            Ok(Found::File(open)) => file::answer(method, headers, open),
            Ok(Found::Directory(entries)) => {
                listing(headers, page::directory(&self.name, path.names(), &entries))
            }
            Ok(Found::DirectoryWithoutSlash) => redirect(&path, query),
            Err(refusal) => Answer::refusal(&refusal),
        })
    }
}

/// A directory's listing, unless the client has it. To find that out takes the whole page; what is saved is its way.
fn listing(request: &HeaderMap, page: String) -> Answer {
    let version = Version::of_page(&page);
    let answer = match preconditions::evaluate(request, &version) {
        Outcome::Met => Answer::page(StatusCode::OK, page),
        Outcome::NotModified => Answer::new(StatusCode::NOT_MODIFIED, Content::Nothing),
        Outcome::Failed => return file::failed(),
    };
    answer.with(header::ETAG, version.tag_text())
}

fn redirect(path: &RequestPath, query: Option<&str>) -> Answer {
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    Answer::error(StatusCode::MOVED_PERMANENTLY, "This is a directory.")
        .with(header::LOCATION, &format!("{}{query}", path.with_slash()))
}
