//! Accepting connections, for as long as there may be more of them.
//!
//! At the limit, the loop waits until a connection ends, and who comes meanwhile waits in the listener's backlog. To accept
//! and answer `503` would be no kinder: that takes the very descriptor which is short and, under TLS, a whole handshake;
//! and it makes an error of a wave that is over in a moment. Slow and idle clients don't keep their places, since all
//! waiting has a limit; so the backlog moves.
//!
//! When the system refuses all the same (other parts of the machine use up what there is), every further attempt would
//! fail at once, and trying again at once would burn a core: so the loop pauses, longer each time.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fibra::net::{TcpListener, TcpStream};
use fibra::time::sleep;

use crate::connections::{Connections, Limit, Seat};
use crate::counters::Counters;
use crate::first::{First, first};
use crate::shutdown::Shutdown;

/// The pause after the first refusal; it doubles with each one that follows.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Trouble that comes back within this time is the same trouble, and is reported once.
const EPISODE: Duration = Duration::from_secs(10);

/// Accepts connections and hands them to `serve` with their seat, until the shutdown begins.
pub async fn accept_until_shutdown(
    listener: &TcpListener,
    shutdown: &Shutdown,
    connections: &Connections,
    limit: Limit,
    counters: &Counters,
    mut serve: impl FnMut(TcpStream, SocketAddr, Seat),
) {
    let mut full = Episodes::default();
    let mut refused = Episodes::default();
    let mut pause = SHORTEST_PAUSE;
    while !shutdown.has_begun() {
        if connections.open() >= limit.count {
            counters.paused_at_limit.add(1);
            full.report(|| {
                format!("{} connections are open, more have to wait ({})", limit.count, limit.origin)
            });
            first(shutdown.begun(), connections.fewer_than(limit.count)).await;
            continue;
        }
        match first(shutdown.begun(), listener.accept_async()).await {
            First::Left(()) => break,
            First::Right(Ok((stream, peer))) => {
                pause = SHORTEST_PAUSE;
                counters.accepted.add(1);
                serve(stream, peer, connections.enter());
            }
            First::Right(Err(error)) if concerns_one_client(&error) => (),
            First::Right(Err(error)) => {
                counters.paused_by_system.add(1);
                refused.report(|| format!("no connection can be accepted, trying again: {error}"));
                first(shutdown.begun(), sleep(pause)).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        }
    }
}

/// Whether only the connection that would have been accepted has failed, and the next one may do better. Linux hands
/// over network errors of the new connection, too.
fn concerns_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown, NetworkUnreachable,
        TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | TimedOut
    )
}

/// Reports trouble once for each time that it begins, not each time that it is met.
#[derive(Default)]
struct Episodes {
    last: Option<Instant>,
}

impl Episodes {
    fn report(&mut self, message: impl FnOnce() -> String) {
        if self.is_new(Instant::now()) {
            eprintln!("fibra: {}", message());
        }
    }

    fn is_new(&mut self, now: Instant) -> bool {
        let last = self.last.replace(now);
        last.is_none_or(|last| now.saturating_duration_since(last) >= EPISODE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::codes::{self, examples};

    #[test]
    fn trouble_is_reported_once_an_episode() {
        let mut episodes = Episodes::default();
        let begin = Instant::now();
        assert!(episodes.is_new(begin));
        assert!(!episodes.is_new(begin + EPISODE / 2));
        // Still going on: what counts is the time since it was last met.
        assert!(!episodes.is_new(begin + EPISODE));
        assert!(episodes.is_new(begin + EPISODE * 2));
    }

    #[test]
    fn only_errors_of_one_client_are_skipped_without_a_pause() {
        assert!(concerns_one_client(&io::Error::from(io::ErrorKind::ConnectionAborted)));
        assert!(!concerns_one_client(&io::Error::from(io::ErrorKind::InvalidInput)));
        for shortage in codes::SHORTAGES.into_iter().chain([examples::NO_MEMORY, examples::NO_BUFFERS]) {
            assert!(!concerns_one_client(&io::Error::from_raw_os_error(shortage)), "{shortage}");
        }
    }
}
