//! The example `chat`, with a thousand members on two workers: what is said is heard, also if the server stops in the middle.

#[path = "../examples/chat.rs"]
mod chat;
#[path = "support/curl.rs"]
mod curl;
#[cfg(unix)]
#[path = "support/descriptors_of_unix.rs"]
mod descriptors;
#[cfg(windows)]
#[path = "support/descriptors_of_windows.rs"]
mod descriptors;

#[cfg(unix)]
#[path = "support/system_of_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "support/system_of_windows.rs"]
mod system;

use chat::{Report, Server};
use fibra::{
    Builder,
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};
use std::{collections::HashMap, time::Duration};
use tungstenite::{Message, WebSocket, protocol::frame::coding::CloseCode};

const MEMBERS: usize = 1000;
const ROOMS: usize = 100;
/// What each says at most. All that is said in a room is less than what may wait for a member: none is shown the door because the
/// machine has let it wait.
const TURNS: usize = 100;

/// Long enough for any machine: only who never goes is cut off.
const PATIENCE: Duration = Duration::from_secs(60);

fn server() -> Server {
    Server::start(TcpListener::bind("127.0.0.1:0").expect("loopback is there")).expect("it has an address")
}

fn enter(address: SocketAddr, room: usize) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).expect("it listens");
    tungstenite::client(format!("ws://{address}/{room}"), stream).expect("it is a WebSocket").0
}

/// Says something again and again, waits until it hears it, and goes when it is sent away. Returns how much each
/// member that it has heard had said, itself included.
fn converse(mut socket: WebSocket<TcpStream>, member: usize) -> HashMap<usize, usize> {
    let mut heard = HashMap::from([(member, 0)]);
    loop {
        let own = heard[&member];
        if own < TURNS {
            // After the server's goodbye this can't be sent any more; the next read says so.
            _ = socket.send(Message::text(format!("{member} {own}")));
        }
        while heard[&member] == own {
            match socket.read() {
                Ok(Message::Text(text)) => {
                    let (speaker, number) = text.split_once(' ').expect("all say two numbers");
                    let number = number.parse().expect("it counts");
                    // Some have begun to talk before the server had taken us in.
                    let heard = heard.entry(speaker.parse().expect("a member")).or_insert(number);
                    assert_eq!(number, *heard, "{member} hears what {speaker} says, in order");
                    *heard += 1;
                }
                Ok(Message::Close(goodbye)) => {
                    assert_eq!(goodbye.expect("it says why").code, CloseCode::Away);
                    _ = socket.flush();
                    return heard;
                }
                Ok(_) => {}
                Err(error) => panic!("member {member} was left without goodbye: {error}"),
            }
        }
    }
}

#[test]
fn a_thousand_members_hear_all_that_was_said_before_the_server_stops() {
    descriptors::allow(4096);
    Builder::new().workers(2).run(|| {
        const { assert!(TURNS * MEMBERS / ROOMS < chat::PATIENCE) };
        let server = server();
        let address = server.address();
        let sockets: Vec<_> = (0..MEMBERS).map(|member| enter(address, member % ROOMS)).collect();
        let members: Vec<_> = sockets
            .into_iter()
            .enumerate()
            .map(|(member, socket)| thread::spawn(move || converse(socket, member)))
            .collect();
        while server.said() < 3 * MEMBERS {
            thread::sleep(Duration::from_millis(1));
        }
        let Report { said, broken_off } = server.stop(PATIENCE);
        assert_eq!(broken_off, 0);
        let heard_by: Vec<_> =
            members.into_iter().map(|member| member.join().expect("it is content")).collect();
        for (member, heard) in heard_by.iter().enumerate() {
            for (speaker, &number) in heard {
                assert_eq!(number, heard_by[*speaker][speaker], "what {member} has heard of {speaker}");
            }
            assert!(heard.len() > 1, "{member} has heard others");
        }
        let own = heard_by.iter().enumerate().map(|(member, heard)| heard[&member]);
        assert_eq!(own.sum::<usize>(), said, "each heard what itself had said");
        TcpStream::connect(address).expect_err("nobody is taken in any more");
    });
}

#[fibra::test]
fn a_member_that_does_not_listen_is_shown_the_door_and_others_stay() {
    let server = server();
    let mut deaf = enter(server.address(), 1);
    let mut talker = enter(server.address(), 1);
    let long = "x".repeat(64 << 10);
    // More than the sockets and the queue hold for the one that doesn't read.
    for round in 0..1500 {
        talker.send(Message::text(long.clone())).unwrap();
        assert_eq!(talker.read().unwrap().len(), long.len(), "round {round}");
    }
    let mut heard = 0;
    let goodbye = loop {
        match deaf.read().unwrap() {
            Message::Close(goodbye) => break goodbye,
            _ => heard += 1,
        }
    };
    assert!(heard < 1500 && goodbye.is_some(), "{heard}");
    _ = deaf.flush();
    talker.close(None).unwrap();
    while talker.read().is_ok() {}
    assert_eq!(server.stop(PATIENCE).broken_off, 0);
}

#[fibra::test]
fn what_is_no_websocket_is_refused() {
    if system::is_wine() {
        println!("Wine has no curl");
        return;
    }
    let server = server();
    let (_, status) = curl::curl(&["--max-time", "30", &format!("http://{}/tea", server.address())]);
    // "Empty reply", or "Recv failure" if the refusal was quicker than the rest of the request.
    assert!(matches!(status, 52 | 56), "{status}");
    assert_eq!(server.stop(PATIENCE), Report { said: 0, broken_off: 0 });
}

/// curl knows how to ask for a WebSocket, though not how to say goodbye: it is cut off, and reported.
#[fibra::test]
fn curl_hears_what_is_said_and_is_cut_off_in_the_end() {
    if system::is_wine() {
        println!("Wine has no curl");
        return;
    }
    let server = server();
    let url = format!("http://{}/tea", server.address());
    let listener = thread::spawn(move || {
        curl::curl(&[
            "--include",
            "--no-buffer",
            "--max-time",
            "60",
            "--header",
            "Connection: Upgrade",
            "--header",
            "Upgrade: websocket",
            "--header",
            "Sec-WebSocket-Version: 13",
            "--header",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            &url,
        ])
    });
    let stream = TcpStream::connect(server.address()).unwrap();
    let (mut member, _) = tungstenite::client(format!("ws://{}/tea", server.address()), stream).unwrap();
    // Until curl is in the room, at the latest.
    for _ in 0..100 {
        member.send(Message::text("milk or lemon?")).unwrap();
        member.read().unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    member.close(None).unwrap();
    while member.read().is_ok() {}
    let report = server.stop(Duration::from_secs(1));
    assert_eq!(report, Report { said: 100, broken_off: 1 });
    let (text, _) = listener.join().unwrap();
    assert!(text.starts_with("HTTP/1.1 101"), "{text}");
    // The answer to this key that RFC 6455 gives as its example.
    assert!(text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{text}");
    assert!(text.contains("milk or lemon?") && text.contains("the room is closed"), "{text}");
}
