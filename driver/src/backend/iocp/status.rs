//! What the system says of an operation's end, in the words of the calls that don't overlap.

use std::io;

use windows_sys::Win32::Foundation::{
    ERROR_BROKEN_PIPE, ERROR_HANDLE_EOF, ERROR_MORE_DATA, ERROR_NETNAME_DELETED, ERROR_OPERATION_ABORTED,
    ERROR_PIPE_NOT_CONNECTED, NTSTATUS, RtlNtStatusToDosError, STATUS_ADDRESS_CLOSED, STATUS_BUFFER_OVERFLOW,
    STATUS_CANCELLED, STATUS_CONNECTION_ABORTED, STATUS_CONNECTION_DISCONNECTED, STATUS_CONNECTION_REFUSED,
    STATUS_CONNECTION_RESET, STATUS_HOST_UNREACHABLE, STATUS_INVALID_CONNECTION, STATUS_IO_TIMEOUT,
    STATUS_LOCAL_DISCONNECT, STATUS_NETWORK_UNREACHABLE, STATUS_PORT_UNREACHABLE, STATUS_REMOTE_DISCONNECT,
};
use windows_sys::Win32::Networking::WinSock::{
    WSAECONNABORTED, WSAECONNREFUSED, WSAECONNRESET, WSAEHOSTUNREACH, WSAEMSGSIZE, WSAENETUNREACH,
    WSAENOTCONN, WSAESHUTDOWN, WSAETIMEDOUT,
};

use crate::op::Op;

/// The result of an overlapped operation.
pub(super) fn result(op: &Op, status: NTSTATUS, bytes: u32) -> io::Result<u32> {
    match status {
        // A datagram or a message was larger than the buffer: its beginning is there.
        0.. | STATUS_BUFFER_OVERFLOW => Ok(bytes),
        // What was done before the cancel is done.
        STATUS_CANCELLED if bytes > 0 => Ok(bytes),
        _ => judge(op, error(status), bytes),
    }
}

fn error(status: NTSTATUS) -> i32 {
    match status {
        STATUS_CANCELLED => ERROR_OPERATION_ABORTED as i32,
        STATUS_CONNECTION_RESET | STATUS_REMOTE_DISCONNECT | STATUS_CONNECTION_DISCONNECTED => WSAECONNRESET,
        STATUS_PORT_UNREACHABLE => WSAECONNRESET,
        STATUS_CONNECTION_ABORTED | STATUS_LOCAL_DISCONNECT | STATUS_ADDRESS_CLOSED => WSAECONNABORTED,
        STATUS_CONNECTION_REFUSED => WSAECONNREFUSED,
        STATUS_INVALID_CONNECTION => WSAENOTCONN,
        STATUS_NETWORK_UNREACHABLE => WSAENETUNREACH,
        STATUS_HOST_UNREACHABLE => WSAEHOSTUNREACH,
        STATUS_IO_TIMEOUT => WSAETIMEDOUT,
        // SAFETY: takes and returns a number.
        _ => (unsafe { RtlNtStatusToDosError(status) }) as i32,
    }
}

/// What an error means for the operation: the end of a file or a pipe is none for a read, nor is a message that was cut.
pub(super) fn judge(op: &Op, code: i32, bytes: u32) -> io::Result<u32> {
    let reads = matches!(op, Op::Read { .. } | Op::ReadVectored { .. });
    let receives = matches!(op, Op::Recv { .. } | Op::RecvVectored { .. } | Op::RecvFrom { .. });
    let sends =
        matches!(op, Op::Send { .. } | Op::SendVectored { .. } | Op::SendTo { .. } | Op::SendFile { .. });
    match code as u32 {
        ERROR_HANDLE_EOF | ERROR_BROKEN_PIPE if reads => Ok(0),
        ERROR_MORE_DATA if reads => Ok(bytes),
        _ if code == WSAEMSGSIZE && receives => Ok(bytes),
        // Our own side was shut down. Of a call in flight the system says so in the words of pipes.
        _ if code == WSAESHUTDOWN && receives => Ok(0),
        ERROR_PIPE_NOT_CONNECTED if receives => Ok(0),
        // The standard library has no kind for the words of sockets.
        _ if code == WSAESHUTDOWN && sends => Err(io::Error::from_raw_os_error(ERROR_BROKEN_PIPE as i32)),
        ERROR_PIPE_NOT_CONNECTED if sends => Err(io::Error::from_raw_os_error(ERROR_BROKEN_PIPE as i32)),
        ERROR_NETNAME_DELETED => Err(io::Error::from_raw_os_error(WSAECONNRESET)),
        _ => Err(io::Error::from_raw_os_error(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handle::Target;
    use crate::op::Offset;

    fn read() -> Op {
        Op::Read { fd: Target::foreign(0), buffer: std::ptr::null_mut(), len: 0, offset: Offset::CURRENT }
    }

    #[test]
    fn the_end_is_no_error_for_who_reads() {
        const STATUS_END_OF_FILE: NTSTATUS = windows_sys::Win32::Foundation::STATUS_END_OF_FILE;
        const STATUS_PIPE_BROKEN: NTSTATUS = windows_sys::Win32::Foundation::STATUS_PIPE_BROKEN;
        for status in [STATUS_END_OF_FILE, STATUS_PIPE_BROKEN] {
            assert_eq!(result(&read(), status, 0).expect("it is the end"), 0);
        }
        let write =
            Op::Write { fd: Target::foreign(0), buffer: std::ptr::null(), len: 0, offset: Offset::CURRENT };
        assert!(result(&write, STATUS_PIPE_BROKEN, 0).is_err());
    }

    #[test]
    fn statuses_become_the_errors_of_sockets() {
        let code = |status| result(&read(), status, 0).expect_err("an error").raw_os_error();
        assert_eq!(code(STATUS_CONNECTION_RESET), Some(WSAECONNRESET));
        assert_eq!(code(STATUS_CONNECTION_REFUSED), Some(WSAECONNREFUSED));
        assert_eq!(code(STATUS_CANCELLED), Some(ERROR_OPERATION_ABORTED as i32));
    }

    #[test]
    fn what_a_cancelled_operation_has_done_counts() {
        assert_eq!(result(&read(), STATUS_CANCELLED, 5).expect("five bytes"), 5);
    }
}
