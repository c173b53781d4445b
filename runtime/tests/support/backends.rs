//! Tests that have the process to themselves, once for each backend of the system.

/// Makes tests of a function that takes a [`Backend`](fibra::Backend), one for each that the system has, as
/// `#[fibra::test]` does. They run one after the other: such a function counts, or takes, what all of the process has.
macro_rules! one_backend_at_a_time {
    ($function:ident) => {
        mod $function {
            use std::sync::{Mutex, PoisonError};

            fn on(backend: fibra::Backend) {
                static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
                // What fails on one backend may work on the next.
                let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
                super::$function(backend);
            }

            fibra::__where_there_is! { io_uring
                #[test]
                fn io_uring() {
                    on(fibra::Backend::IoUring);
                }
            }
            fibra::__where_there_is! { epoll
                #[test]
                fn epoll() {
                    on(fibra::Backend::Epoll);
                }
            }
            fibra::__where_there_is! { kqueue
                #[test]
                fn kqueue() {
                    on(fibra::Backend::Kqueue);
                }
            }
            fibra::__where_there_is! { iocp
                #[test]
                fn iocp() {
                    on(fibra::Backend::Iocp);
                }
            }
        }
    };
}
