//! may_minihttp, the HTTP server of may's users. Its heads are read and written by itself: it runs no hyper.

use std::io;

use may_minihttp::{HttpServer, HttpService, Request, Response};

use crate::bench::{Case, Measurement};
use crate::benches::http::{HELLO, Setting, measure};

pub fn sample(case: &Case) -> Vec<Measurement> {
    measure(case, |Setting { address, workers }| {
        may::config().set_workers(workers);
        let server = HttpServer(Hello).start(address).expect("the address is free");
        server.join().expect("accepting doesn't panic");
    })
}

#[derive(Clone)]
struct Hello;

impl HttpService for Hello {
    fn call(&mut self, _: Request, response: &mut Response) -> io::Result<()> {
        response.body(HELLO);
        Ok(())
    }
}
