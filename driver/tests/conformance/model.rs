//! Random programs against a model that is too simple to be wrong.
//!
//! A stream is a queue of numbered bytes. Whatever is sent, received, cancelled and waited for, in whatever order: every
//! operation ends once, received bytes come in the order in which they were sent, and none is lost or invented.

use std::time::{Duration, Instant};

use fibra_driver::{BackendKind, Handle, Wait};
use proptest::prelude::*;

use crate::net::{recv, send};
use crate::rig::system::{self, CANCELED};
use crate::rig::{Rig, Started};

const STREAMS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Send {
        stream: usize,
        len: usize,
    },
    Recv {
        stream: usize,
        len: usize,
    },
    Cancel {
        stream: usize,
    },
    Turn,
    Settle,
    /// Closes a stream and opens a fresh one in its place, most likely with the same numbers.
    Reopen {
        stream: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..STREAMS, 1..200usize).prop_map(|(stream, len)| Step::Send { stream, len }),
        4 => (0..STREAMS, 1..200usize).prop_map(|(stream, len)| Step::Recv { stream, len }),
        2 => (0..STREAMS).prop_map(|stream| Step::Cancel { stream }),
        3 => Just(Step::Turn),
        1 => Just(Step::Settle),
        1 => (0..STREAMS).prop_map(|stream| Step::Reopen { stream }),
    ]
}

/// One stream with what the model knows of it.
struct Stream {
    from: Handle,
    to: Handle,
    /// How many bytes have been sent and received. Byte number n has the value n mod 251.
    sent: usize,
    received: usize,
    sending: Option<(Started, Vec<u8>)>,
    receiving: Option<(Started, Vec<u8>)>,
}

impl Stream {
    fn open() -> Stream {
        let (from, to) = system::stream_pair();
        let (from, to) = (Handle::new(from.into()), Handle::new(to.into()));
        Stream { from, to, sent: 0, received: 0, sending: None, receiving: None }
    }

    fn send(&mut self, rig: &mut Rig, len: usize) {
        if self.sending.is_none() {
            let data: Vec<u8> = (self.sent..self.sent + len).map(|number| (number % 251) as u8).collect();
            let started = rig.start(send(self.from.target(), &data));
            self.sending = Some((started, data));
        }
    }

    fn recv(&mut self, rig: &mut Rig, len: usize) {
        if self.receiving.is_none() {
            let mut buffer = vec![255; len];
            let started = rig.start(recv(self.to.target(), &mut buffer));
            self.receiving = Some((started, buffer));
        }
    }

    fn cancel(&self, rig: &mut Rig) {
        for started in [&self.sending, &self.receiving].into_iter().flatten().map(|(started, _)| *started) {
            rig.cancel(started);
        }
    }

    /// Compares what has ended with the model.
    fn check(&mut self, rig: &mut Rig) {
        if let Some((started, data)) = self.sending.take_if(|(started, _)| rig.has_ended(*started)) {
            match rig.finish(started) {
                Ok(count) => {
                    assert!(count as usize <= data.len() && count > 0);
                    self.sent += count as usize;
                }
                Err(error) => assert_eq!(error.raw_os_error(), Some(CANCELED)),
            }
        }
        if let Some((started, buffer)) = self.receiving.take_if(|(started, _)| rig.has_ended(*started)) {
            match rig.finish(started) {
                Ok(count) => {
                    assert!(count > 0, "the stream has not ended");
                    for byte in &buffer[..count as usize] {
                        assert_eq!(usize::from(*byte), self.received % 251);
                        self.received += 1;
                    }
                }
                Err(error) => assert_eq!(error.raw_os_error(), Some(CANCELED)),
            }
        }
        assert!(self.received <= self.sent + self.sending.as_ref().map_or(0, |(_, data)| data.len()));
    }

    /// Ends everything, and finds every byte that was sent.
    fn close(mut self, rig: &mut Rig) {
        self.cancel(rig);
        self.finish(rig);
        while self.received < self.sent {
            self.recv(rig, 64);
            self.finish(rig);
        }
    }

    fn finish(&mut self, rig: &mut Rig) {
        self.check(rig);
        while self.sending.is_some() || self.receiving.is_some() {
            assert!(rig.turn(late()) > 0, "an operation never ends");
            self.check(rig);
        }
    }
}

fn late() -> Wait {
    Wait::Until(Instant::now() + Duration::from_secs(30))
}

fn run(kind: BackendKind, steps: &[Step]) {
    let mut rig = Rig::with(kind, |config| {
        // So narrow that the queues overflow all the time.
        config.entries = 4;
        config.completion_entries = 4;
    });
    let mut streams: [Stream; STREAMS] = std::array::from_fn(|_| Stream::open());
    for step in steps {
        match *step {
            Step::Send { stream, len } => streams[stream].send(&mut rig, len),
            Step::Recv { stream, len } => streams[stream].recv(&mut rig, len),
            Step::Cancel { stream } => streams[stream].cancel(&mut rig),
            Step::Turn => drop(rig.turn(Wait::Not)),
            Step::Settle => drop(rig.turn(Wait::Until(Instant::now()))),
            Step::Reopen { stream } => {
                std::mem::replace(&mut streams[stream], Stream::open()).close(&mut rig);
            }
        }
        streams.iter_mut().for_each(|stream| stream.check(&mut rig));
    }
    for stream in streams {
        stream.close(&mut rig);
    }
    rig.assert_idle();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn random_programs_agree_with_the_model(steps in prop::collection::vec(step(), 1..120)) {
        for &kind in BackendKind::ALL {
            run(kind, &steps);
        }
    }
}
