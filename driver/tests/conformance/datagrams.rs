//! Datagrams: each arrives whole, with its sender's address, or not at all.

use std::net::{SocketAddr, UdpSocket};

use fibra_driver::{Handle, Op, RawAddress, Target};

use crate::net::{recv, send};
use crate::rig::errno;

fn recv_from(fd: Target, buffer: &mut [u8], peek: bool, sender: &mut RawAddress) -> Op {
    Op::RecvFrom { fd, buffer: buffer.as_mut_ptr(), len: buffer.len(), peek, address: sender }
}

fn send_to(fd: Target, buffer: &[u8], receiver: &RawAddress) -> Op {
    Op::SendTo { fd, buffer: buffer.as_ptr(), len: buffer.len(), address: receiver }
}

fn bound(address: &str) -> (Handle, SocketAddr) {
    let socket = UdpSocket::bind(address).expect("loopback can be bound");
    let address = socket.local_addr().expect("it is bound");
    (Handle::new(socket.into()), address)
}

fn peer_of(address: SocketAddr) -> (UdpSocket, SocketAddr) {
    let peer = UdpSocket::bind((address.ip(), 0)).expect("loopback can be bound");
    let own = peer.local_addr().expect("it is bound");
    peer.connect(address).expect("a receiver is only noted");
    (peer, own)
}

promises! {
    fn a_receive_waits_for_a_datagram_and_tells_its_senders_address(rig) {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (socket, address) = bound(address);
            let (peer, peer_address) = peer_of(address);
            let (mut buffer, mut sender) = ([0; 8], RawAddress::empty());
            let receive = rig.start(recv_from(socket.target(), &mut buffer, false, &mut sender));
            rig.settle();
            assert!(!rig.has_ended(receive));
            peer.send(b"hello").expect("somebody is there");
            assert_eq!(rig.finish(receive).expect("it has come"), 5);
            assert_eq!(&buffer[..5], b"hello");
            assert_eq!(sender.to_socket_addr().expect("an internet address"), peer_address);
        }
    }

    fn an_address_is_written_whole_also_where_a_shorter_one_was(rig) {
        let mut sender = RawAddress::empty();
        for address in ["127.0.0.1:0", "[::1]:0", "127.0.0.1:0"] {
            let (socket, address) = bound(address);
            let (peer, peer_address) = peer_of(address);
            peer.send(b"x").expect("somebody is there");
            let received = rig.run(recv_from(socket.target(), &mut [0; 8], false, &mut sender));
            assert_eq!(received.expect("it has come"), 1);
            assert_eq!(sender.to_socket_addr().expect("an internet address"), peer_address);
            // It will do for an answer.
            assert_eq!(rig.run(send_to(socket.target(), b"back", &sender)).expect("there is room"), 4);
            let mut answer = [0; 8];
            assert_eq!(peer.recv(&mut answer).expect("it has come"), 4);
        }
    }

    fn a_datagram_goes_where_it_is_sent(rig) {
        let (socket, address) = bound("127.0.0.1:0");
        for _ in 0..3 {
            let peer = UdpSocket::bind("127.0.0.1:0").expect("loopback can be bound");
            let receiver = RawAddress::from(peer.local_addr().expect("it is bound"));
            assert_eq!(rig.run(send_to(socket.target(), b"for you", &receiver)).expect("there is room"), 7);
            let mut buffer = [0; 16];
            assert_eq!(peer.recv_from(&mut buffer).expect("it has come"), (7, address));
        }
    }

    fn what_the_buffer_has_no_room_for_is_lost(rig) {
        let (socket, address) = bound("127.0.0.1:0");
        let (peer, _) = peer_of(address);
        peer.send(b"too long").expect("somebody is there");
        peer.send(b"next").expect("somebody is there");
        let (mut buffer, mut sender) = ([0; 3], RawAddress::empty());
        assert_eq!(rig.run(recv_from(socket.target(), &mut buffer, false, &mut sender)).expect("its beginning"), 3);
        assert_eq!(&buffer, b"too");
        let mut buffer = [0; 8];
        assert_eq!(rig.run(recv(socket.target(), &mut buffer)).expect("the next one"), 4);
        assert_eq!(&buffer[..4], b"next");
    }

    fn an_empty_datagram_is_one(rig) {
        let (socket, address) = bound("127.0.0.1:0");
        let (peer, peer_address) = peer_of(address);
        peer.send(b"").expect("somebody is there");
        let mut sender = RawAddress::empty();
        assert_eq!(rig.run(recv_from(socket.target(), &mut [0; 8], false, &mut sender)).expect("it has come"), 0);
        assert_eq!(sender.to_socket_addr().expect("an internet address"), peer_address);
    }

    fn a_datagram_that_is_looked_at_stays(rig) {
        let (socket, address) = bound("127.0.0.1:0");
        let (peer, peer_address) = peer_of(address);
        peer.send(b"x").expect("somebody is there");
        for peek in [true, false] {
            let mut sender = RawAddress::empty();
            let received = rig.run(recv_from(socket.target(), &mut [0; 8], peek, &mut sender));
            assert_eq!(received.expect("it is there"), 1);
            assert_eq!(sender.to_socket_addr().expect("an internet address"), peer_address);
        }
    }

    fn a_cancelled_receive_leaves_the_datagram_to_the_next(rig) {
        let (socket, address) = bound("127.0.0.1:0");
        let (peer, peer_address) = peer_of(address);
        let (mut buffer, mut sender) = ([0; 8], RawAddress::empty());
        let receive = rig.start(recv_from(socket.target(), &mut buffer, false, &mut sender));
        rig.settle();
        rig.cancel(receive);
        assert_eq!(errno(rig.finish(receive)), fibra_driver::CANCELED);
        peer.send(b"still").expect("somebody is there");
        let result = rig.run(recv_from(socket.target(), &mut buffer, false, &mut sender));
        assert_eq!(result.expect("it has come"), 5);
        assert_eq!(sender.to_socket_addr().expect("an internet address"), peer_address);
    }

    fn a_connected_socket_hears_its_peer_alone(rig) {
        let (socket, address) = bound("127.0.0.1:0");
        let (peer, peer_address) = peer_of(address);
        let receiver = RawAddress::from(peer_address);
        let result = rig.run(Op::Connect { fd: socket.target(), address: &raw const receiver });
        assert_eq!(result.expect("a receiver is only noted"), 0);
        let stranger = UdpSocket::bind("127.0.0.1:0").expect("loopback can be bound");
        stranger.send_to(b"stranger", address).expect("it is sent, and not delivered");
        assert_eq!(rig.run(send(socket.target(), b"ping")).expect("there is room"), 4);
        assert_eq!(peer.recv(&mut [0; 8]).expect("it has come"), 4);
        peer.send(b"pong").expect("somebody is there");
        let mut buffer = [0; 16];
        assert_eq!(rig.run(recv(socket.target(), &mut buffer)).expect("it has come"), 4);
        assert_eq!(&buffer[..4], b"pong");
    }
}
