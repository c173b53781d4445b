//! tokio's ways, and those of the futures crates.

use futures_util::future::join_all;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Member, RACES, Sockets, decide, is_all, is_race, measure_all};
use crate::bench::{Case, Measurement, Subject};
use crate::root;
use crate::stopwatch::{Span, Stopwatch};

/// Everybody else's ways of waiting for several.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("tokio join_all", "tokio", join_all_of_tasks).only(is_all),
    Subject::new("join_all in place", "futures-util", join_all_in_place).only(is_all),
];

fn tokio(case: &Case) -> Vec<Measurement> {
    if is_race(case) { select(case) } else { join_set(case) }
}

fn join_set(case: &Case) -> Vec<Measurement> {
    async fn batch(members: usize) -> usize {
        let mut set = JoinSet::new();
        for index in 0..members {
            set.spawn(Member::new(index));
        }
        set.join_all().await.into_iter().sum()
    }
    root::tokio(case.count("workers"), measure_all(case.count("members"), batch))
}

fn join_all_of_tasks(case: &Case) -> Vec<Measurement> {
    async fn batch(members: usize) -> usize {
        let tasks = join_all((0..members).map(|index| tokio::spawn(Member::new(index)))).await;
        tasks.into_iter().map(|task| task.expect("a member doesn't panic")).sum()
    }
    root::tokio(case.count("workers"), measure_all(case.count("members"), batch))
}

fn join_all_in_place(case: &Case) -> Vec<Measurement> {
    async fn batch(members: usize) -> usize {
        join_all((0..members).map(Member::new)).await.into_iter().sum()
    }
    root::tokio(case.count("workers"), measure_all(case.count("members"), batch))
}

/// As its users write it.
fn select(case: &Case) -> Vec<Measurement> {
    root::tokio(case.count("workers"), async {
        let Sockets { silent, lively } = Sockets::new();
        let [mut near_silent, mut near_lively] = [silent.0, lively.0].map(|stream| {
            stream.set_nonblocking(true).expect("sockets have this mode");
            TcpStream::from_std(stream).expect("tokio takes it")
        });
        let mut span = Span::default();
        for _ in 0..RACES {
            decide(&lively.1);
            let stopwatch = Stopwatch::start();
            let (mut one, mut other) = ([0; 16], [0; 16]);
            tokio::select! {
                biased;
                _ = near_silent.read(&mut one) => panic!("nothing was sent there"),
                length = near_lively.read(&mut other) => assert_eq!(length.expect("it is open"), 1),
            }
            span += stopwatch.stop();
        }
        drop(silent.1);
        span.per(RACES, "race")
    })
}
