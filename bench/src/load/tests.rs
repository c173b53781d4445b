use super::*;
use std::io::Read;
use std::net::TcpStream;
use std::thread;

fn plan(address: SocketAddr) -> Load {
    Load::echo(address, vec![std::process::id()], 3, 64)
}

#[test]
fn a_plan_reads_back_as_it_was() {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
    let fixed = Answer::Fixed { length: 120, begins: "HTTP/1.1 200".into() };
    for plan in [plan(address), Load { answer: fixed, idle: 7, ..plan(address) }] {
        let line = message::from_load(&plan).to_string();
        assert_eq!(message::to_load(&line).expect("a plan is a plan"), plan);
    }
}

#[test]
fn an_outcome_reads_back_as_it_was() {
    let outcome = Outcome {
        requests: 5,
        requests_in_all: 6,
        bytes_checked: 320,
        window: Duration::from_millis(700),
        server_cpu: Duration::from_micros(20),
        generator_cpu: Duration::from_micros(10),
        p50: Duration::from_nanos(1),
        p99: Duration::from_nanos(2),
        p99_9: Duration::from_nanos(3),
    };
    let line = message::from_outcome(&outcome).to_string();
    assert_eq!(message::to_outcome(&line).expect("an outcome is an outcome"), outcome);
    assert!(message::to_outcome(r#"{"requests": 5}"#).is_err(), "the other fields are missing");
}

/// A connection of a generator, and the server's end of it.
fn pair() -> (connection::Connection, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let client = TcpStream::connect(listener.local_addr().expect("it has one")).expect("somebody listens");
    let (server, _) = listener.accept().expect("one is waiting");
    (connection::Connection::new(client, 1), server)
}

fn received(server: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut request = vec![0; length];
    server.read_exact(&mut request).expect("the request comes whole");
    request
}

#[test]
fn an_echo_may_come_in_pieces() {
    let mut exchange =
        connection::Exchange::new(&"x".repeat(64), &Answer::Echo).expect("64 bytes are enough");
    let (mut connection, mut server) = pair();
    connection.begin(std::time::Instant::now(), &mut exchange).expect("it sends");
    let request = received(&mut server, 64);
    server.write_all(&request[..10]).expect("it answers");
    assert!(!connection.receive(&mut exchange).expect("ten right bytes"));
    server.write_all(&request[10..]).expect("it answers");
    assert!(connection.receive(&mut exchange).expect("the other right bytes"));
}

#[test]
fn the_echo_of_another_request_is_refused() {
    let mut exchange =
        connection::Exchange::new(&"x".repeat(64), &Answer::Echo).expect("64 bytes are enough");
    let (mut connection, mut server) = pair();
    for _ in 0..2 {
        connection.begin(std::time::Instant::now(), &mut exchange).expect("it sends");
    }
    let first = received(&mut server, 64);
    server.write_all(&first).expect("it answers");
    let error = connection.receive(&mut exchange).expect_err("the second is under way");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn an_answer_that_is_too_long_is_refused() {
    let answer = Answer::Fixed { length: 4, begins: "ab".into() };
    let mut exchange = connection::Exchange::new("GET", &answer).expect("any request will do");
    let (mut connection, mut server) = pair();
    connection.begin(std::time::Instant::now(), &mut exchange).expect("it sends");
    server.write_all(b"abcde").expect("it answers");
    let error = connection.receive(&mut exchange).expect_err("five bytes are one too many");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn an_address_that_is_called_free_can_be_bound() {
    let address = free_address().expect("some port is free");
    let listener = TcpListener::bind(address).expect("nobody else has it");
    let client = thread::spawn(move || TcpStream::connect(address));
    listener.accept().expect("one is coming");
    client.join().expect("it doesn't panic").expect("somebody listens");
}
