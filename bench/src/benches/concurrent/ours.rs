//! fibra's sets and groups.

use std::io::Read;

use fibra::concurrent::{OneOf2, TaskGroup, all_async, race, race_async};
use fibra::metrics;
use fibra::net::TcpStream;

use super::{Member, RACES, Sockets, decide, is_all, is_race, measure_all};
use crate::bench::{Case, Measurement, Subject};
use crate::root;
use crate::stopwatch::{Span, Stopwatch};

/// fibra's ways of waiting for several.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("fibra group", "fibra", group).only(is_all),
    Subject::new("fibra group of threads", "fibra", group_of_threads).only(is_all),
    Subject::new("fibra in place", "fibra", in_place).only(is_all),
    Subject::new("fibra race", "fibra", race_of_futures).only(is_race),
    Subject::new("fibra race of threads", "fibra", race_of_threads).only(is_race),
];

async fn sum(mut group: TaskGroup<usize>) -> usize {
    let all = group.all_async().await;
    all.into_iter().map(|(_, member)| member.expect("a member doesn't panic")).sum()
}

fn group(case: &Case) -> Vec<Measurement> {
    async fn batch(members: usize) -> usize {
        let mut group = TaskGroup::new();
        for index in 0..members {
            group.spawn(Member::new(index));
        }
        sum(group).await
    }
    root::fibra_future(case.count("workers"), measure_all(case.count("members"), batch))
}

fn group_of_threads(case: &Case) -> Vec<Measurement> {
    async fn batch(members: usize) -> usize {
        let mut group = TaskGroup::new();
        for index in 0..members {
            group.spawn_thread(move || {
                fibra::thread::yield_now();
                index
            });
        }
        sum(group).await
    }
    root::fibra_future(case.count("workers"), measure_all(case.count("members"), batch))
}

fn in_place(case: &Case) -> Vec<Measurement> {
    async fn batch(members: usize) -> usize {
        all_async((0..members).map(Member::new).collect::<Vec<_>>()).await.into_iter().sum()
    }
    root::fibra_future(case.count("workers"), measure_all(case.count("members"), batch))
}

/// The near ends as fibra's streams, and the far ends.
struct Streams {
    silent: TcpStream,
    lively: TcpStream,
    far: [std::net::TcpStream; 2],
}

impl Streams {
    fn new() -> Self {
        let Sockets { silent, lively } = Sockets::new();
        Self { silent: silent.0.into(), lively: lively.0.into(), far: [silent.1, lively.1] }
    }
}

/// Runs the races; `run` runs one of them.
fn measure(streams: &Streams, mut run: impl FnMut(&Streams)) -> Vec<Measurement> {
    let in_flight = || metrics::snapshot().total().in_flight;
    let before = in_flight();
    let (mut span, mut most) = (Span::default(), 0);
    for _ in 0..RACES {
        decide(&streams.far[1]);
        let stopwatch = Stopwatch::start();
        run(streams);
        span += stopwatch.stop();
        most = most.max(in_flight() - before);
    }
    let mut measurements = span.per(RACES, "race");
    measurements.push(Measurement::new("in_flight", most as f64, "operations"));
    measurements
}

fn race_of_futures(case: &Case) -> Vec<Measurement> {
    root::fibra_thread(case.count("workers"), || {
        measure(&Streams::new(), |streams| {
            let reads = (streams.silent.read_async(vec![0; 16]), streams.lively.read_async(vec![0; 16]));
            let race = fibra::wait(race_async(reads));
            assert!(matches!(race.output, OneOf2::Second((Ok(1), _))), "only one of them gets anything");
        })
    })
}

fn race_of_threads(case: &Case) -> Vec<Measurement> {
    let read = |mut stream: &TcpStream| stream.read(&mut [0; 16]);
    root::fibra_thread(case.count("workers"), move || {
        measure(&Streams::new(), |streams| {
            let race = race((|| read(&streams.silent), || read(&streams.lively)));
            assert!(matches!(race.output, OneOf2::Second(Ok(1))), "only one of them gets anything");
        })
    })
}
