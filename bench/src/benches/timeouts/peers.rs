//! The peers. may is left out: it limits the time of some waits, but not of a yield.

use futures_lite::FutureExt;

use super::{LIMIT, measure_async};
use crate::bench::{Case, Measurement, Subject};
use crate::root;

/// Everybody else's ways of limiting a wait.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", tokio),
    Subject::new("tokio current-thread", "tokio", tokio_current_thread),
    Subject::new("smol", "smol", smol),
    Subject::new("monoio", "monoio", monoio),
    Subject::new("compio", "compio", compio),
    Subject::new("glommio", "glommio", glommio),
];

fn tokio(case: &Case) -> Vec<Measurement> {
    root::tokio(case.count("workers"), measure_async(tokio_wait))
}

fn tokio_current_thread(_: &Case) -> Vec<Measurement> {
    root::tokio_current_thread(measure_async(tokio_wait))
}

async fn tokio_wait() {
    tokio::time::timeout(LIMIT, tokio::task::yield_now()).await.expect("30 s are enough");
}

fn smol(case: &Case) -> Vec<Measurement> {
    async fn wait() {
        let limit = async {
            smol::Timer::after(LIMIT).await;
            Err(())
        };
        let work = async {
            smol::future::yield_now().await;
            Ok(())
        };
        work.or(limit).await.expect("30 s are enough");
    }
    root::smol(case.count("workers"), measure_async(wait))
}

fn monoio(_: &Case) -> Vec<Measurement> {
    let wait = || async {
        monoio::time::timeout(LIMIT, futures_lite::future::yield_now()).await.expect("30 s are enough");
    };
    root::monoio(measure_async(wait))
}

fn compio(_: &Case) -> Vec<Measurement> {
    let wait = || async {
        compio::time::timeout(LIMIT, futures_lite::future::yield_now()).await.expect("30 s are enough");
    };
    root::compio(measure_async(wait))
}

fn glommio(_: &Case) -> Vec<Measurement> {
    async fn work() -> Result<(), glommio::GlommioError<()>> {
        glommio::executor().yield_now().await;
        Ok(())
    }
    let wait = || async { glommio::timer::timeout(LIMIT, work()).await.expect("30 s are enough") };
    root::glommio(measure_async(wait))
}
