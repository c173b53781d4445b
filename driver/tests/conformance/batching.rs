//! Many operations, few system calls.

use std::os::unix::net::UnixStream;

use fibra_driver::Handle;

use crate::net::{recv, send};
use crate::rig::{Rig, readiness};

pub const CONNECTIONS: usize = 256;
pub const ROUNDS: usize = 20;

/// What one connection's echo does next.
struct Echo {
    server: Handle,
    client: Handle,
    buffer: [u8; 64],
    answer: [u8; 64],
    rounds: usize,
}

/// All connections busy at once: the client sends, the server receives and sends back, the client receives.
pub fn run(rig: &mut Rig) {
    let mut echoes: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (server, client) = UnixStream::pair().expect("a socket pair can be made");
            let (server, client) = (Handle::new(server.into()), Handle::new(client.into()));
            Echo { server, client, buffer: [0; 64], answer: [0; 64], rounds: 0 }
        })
        .collect();
    let message = [42u8; 64];
    for _ in 0..ROUNDS {
        let sent: Vec<_> =
            echoes.iter().map(|echo| rig.start(send(echo.client.target(), &message))).collect();
        let received: Vec<_> =
            echoes.iter_mut().map(|echo| rig.start(recv(echo.server.target(), &mut echo.buffer))).collect();
        for (sent, received) in sent.into_iter().zip(received) {
            assert_eq!(rig.finish(sent).expect("there is room"), 64);
            assert_eq!(rig.finish(received).expect("data has come"), 64);
        }
        let sent: Vec<_> =
            echoes.iter().map(|echo| rig.start(send(echo.server.target(), &echo.buffer))).collect();
        let received: Vec<_> =
            echoes.iter_mut().map(|echo| rig.start(recv(echo.client.target(), &mut echo.answer))).collect();
        for (sent, received) in sent.into_iter().zip(received) {
            assert_eq!(rig.finish(sent).expect("there is room"), 64);
            assert_eq!(rig.finish(received).expect("data has come"), 64);
        }
        for echo in &mut echoes {
            assert_eq!(std::mem::replace(&mut echo.answer, [0; 64]), message);
            echo.rounds += 1;
        }
    }
    assert!(echoes.iter().all(|echo| echo.rounds == ROUNDS));
}

#[test]
fn a_busy_driver_asks_for_events_seldom() {
    let mut rig = Rig::new(readiness());
    run(&mut rig);
    let stats = rig.driver.stats();
    let per_wait = stats.operations as f64 / stats.enters.max(1) as f64;
    println!("{per_wait:.1} operations per wait: {stats:?}");
    assert!(per_wait >= 16.0);
}
