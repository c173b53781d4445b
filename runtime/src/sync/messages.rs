//! The iterators over a channel's messages, which [`mpsc`](super::mpsc) and [`channel`](super::channel) have alike.

/// For the `Receiver` of the module that calls, which has `recv` and `try_recv`. `$channel` makes such a channel, in the
/// example.
macro_rules! iterators_over_messages {
    ($channel:literal) => {
        /// The messages of a channel as they come; made by [`Receiver::iter`].
        ///
        /// # Examples
        ///
        /// See [`Receiver::iter`].
        #[derive(Debug)]
        pub struct Iter<'a, T> {
            receiver: &'a Receiver<T>,
        }

        impl<T> Iterator for Iter<'_, T> {
            type Item = T;

            fn next(&mut self) -> Option<T> {
                self.receiver.recv().ok()
            }
        }

        impl<T> std::iter::FusedIterator for Iter<'_, T> {}

        /// The messages that are in a channel now; made by [`Receiver::try_iter`].
        ///
        /// # Examples
        ///
        /// See [`Receiver::try_iter`].
        #[derive(Debug)]
        pub struct TryIter<'a, T> {
            receiver: &'a Receiver<T>,
        }

        impl<T> Iterator for TryIter<'_, T> {
            type Item = T;

            fn next(&mut self) -> Option<T> {
                self.receiver.try_recv().ok()
            }
        }

        /// The messages of a channel as they come, and its receiver; made by `Receiver::into_iter`.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = concat!("let (sender, receiver) = ", $channel, ";")]
        /// sender.send(1).unwrap();
        /// drop(sender);
        /// for message in receiver {
        ///     assert_eq!(message, 1);
        /// }
        /// ```
        #[derive(Debug)]
        pub struct IntoIter<T> {
            receiver: Receiver<T>,
        }

        impl<T> Iterator for IntoIter<T> {
            type Item = T;

            fn next(&mut self) -> Option<T> {
                self.receiver.recv().ok()
            }
        }

        impl<T> std::iter::FusedIterator for IntoIter<T> {}

        impl<'a, T> IntoIterator for &'a Receiver<T> {
            type Item = T;
            type IntoIter = Iter<'a, T>;

            fn into_iter(self) -> Iter<'a, T> {
                self.iter()
            }
        }

        impl<T> IntoIterator for Receiver<T> {
            type Item = T;
            type IntoIter = IntoIter<T>;

            fn into_iter(self) -> IntoIter<T> {
                IntoIter { receiver: self }
            }
        }
    };
}
pub(super) use iterators_over_messages;
