//! What all sockets have for their direct style: time limits, and a mode in which they never wait. Futures don't heed either.

/// The methods of a type with a `socket`.
macro_rules! direct_style {
    ($socket:ident) => {
        /// # Direct style
        ///
        /// Futures have [`time::timeout_async`](crate::time::timeout_async) instead, and wait in either mode.
        impl $socket {
            /// How long a read or a receive may take; `None`, the default, is for ever. One that takes longer fails with `TimedOut`,
            /// and takes nothing.
            ///
            /// # Errors
            ///
            /// `InvalidInput` for zero.
            pub fn set_read_timeout(
                &self,
                dur: ::std::option::Option<::std::time::Duration>,
            ) -> ::std::io::Result<()> {
                self.socket.read_timeout.set(dur)
            }

            /// How long a write or a send may take; `None`, the default, is for ever. One that takes longer fails with `TimedOut`, and
            /// has sent nothing.
            ///
            /// # Errors
            ///
            /// `InvalidInput` for zero.
            pub fn set_write_timeout(
                &self,
                dur: ::std::option::Option<::std::time::Duration>,
            ) -> ::std::io::Result<()> {
                self.socket.write_timeout.set(dur)
            }

            /// What [`set_read_timeout`](Self::set_read_timeout) has set.
            ///
            /// # Errors
            ///
            /// None; std's signature is kept.
            pub fn read_timeout(&self) -> ::std::io::Result<::std::option::Option<::std::time::Duration>> {
                Ok(self.socket.read_timeout.get())
            }

            /// What [`set_write_timeout`](Self::set_write_timeout) has set.
            ///
            /// # Errors
            ///
            /// None; std's signature is kept.
            pub fn write_timeout(&self) -> ::std::io::Result<::std::option::Option<::std::time::Duration>> {
                Ok(self.socket.write_timeout.get())
            }

            /// Whether operations fail with `WouldBlock` where they would wait. For all clones.
            ///
            /// A green thread that waits holds up nobody, so there is seldom a reason. The descriptor itself is set accordingly when
            /// this is converted into std's type.
            ///
            /// # Errors
            ///
            /// None; std's signature is kept.
            pub fn set_nonblocking(&self, nonblocking: bool) -> ::std::io::Result<()> {
                self.socket.set_nonblocking(nonblocking);
                Ok(())
            }

            /// The error that is pending on the socket, if any; it is pending no more.
            ///
            /// # Errors
            ///
            /// If that can't be found out.
            pub fn take_error(&self) -> ::std::io::Result<::std::option::Option<::std::io::Error>> {
                self.socket.options().take_error()
            }
        }
    };
}
pub(super) use direct_style;
