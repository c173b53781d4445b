//! Sets that are tuples: each member has a type of its own.

use super::{
    member::{InPlace, Member, Threaded},
    members::{Members, Slot, TryMembers},
    one_of::{OneOf1, OneOf2, OneOf3, OneOf4, OneOf5, OneOf6, OneOf7, OneOf8},
    outcome::{AllFailed, Race},
    sets::{Closures, Futures, TryClosures, TryFutures},
};
use crate::thread::Scope;
use std::{
    future::IntoFuture,
    pin::Pin,
    task::{Context, Poll},
};

/// The slot of a pinned tuple.
macro_rules! slot {
    ($tuple:ident.$index:tt) => {
        // SAFETY: the slots of a pinned tuple are pinned: none is moved out of it.
        unsafe { $tuple.as_mut().map_unchecked_mut(|slots| &mut slots.$index) }
    };
}

fn no_member(index: usize, length: usize) -> ! {
    unreachable!("a tuple of {length} has no member {index}")
}

fn decided(index: Option<usize>) -> usize {
    index.expect("a tuple is not empty, so that a first one decides")
}

macro_rules! tuples {
    ($($OneOf:ident $length:literal: $($index:tt $M:ident $T:ident $variant:ident),+;)+) => {$(
        impl<$($M: Member),+> Members for ($(Slot<$M>,)+) {
            type All = ($($M::Output,)+);
            type First = $OneOf<$($M::Output),+>;
            type Race = Race<$OneOf<$($M::Output),+>, ($(Option<$M::Output>,)+)>;

            fn len(&self) -> usize {
                $length
            }

            fn is_running(&self, index: usize) -> bool {
                match index {
                    $($index => self.$index.is_running(),)+
                    _ => no_member(index, $length),
                }
            }

            fn poll(
                mut self: Pin<&mut Self>,
                index: usize,
                is_wanted: bool,
                context: &mut Context<'_>,
            ) -> Poll<()> {
                match index {
                    $($index => slot!(self.$index).poll(is_wanted, context),)+
                    _ => no_member(index, $length),
                }
            }

            fn take_all(mut self: Pin<&mut Self>) -> Self::All {
                ($(slot!(self.$index).expect(),)+)
            }

            fn take_first(mut self: Pin<&mut Self>, first: Option<usize>) -> Self::First {
                match decided(first) {
                    $($index => $OneOf::$variant(slot!(self.$index).expect()),)+
                    index => no_member(index, $length),
                }
            }

            fn take_race(mut self: Pin<&mut Self>, first: Option<usize>) -> Self::Race {
                let output = self.as_mut().take_first(first);
                Race { index: decided(first), output, others: ($(slot!(self.$index).take(),)+) }
            }
        }

        impl<Er, $($T, $M: Member<Output = Result<$T, Er>>),+> TryMembers for ($(Slot<$M>,)+) {
            type TryAll = Result<($($T,)+), Er>;
            type Any = Result<$OneOf<$($T),+>, AllFailed<Er>>;

            fn is_ok(&self, index: usize) -> bool {
                match index {
                    $($index => self.$index.output().is_some_and(Result::is_ok),)+
                    _ => no_member(index, $length),
                }
            }

            fn take_try_all(mut self: Pin<&mut Self>, failed: Option<usize>) -> Self::TryAll {
                match failed {
                    None => Ok(($(slot!(self.$index).expect()?,)+)),
                    $(Some($index) => match slot!(self.$index).expect() {
                        Ok(_) => unreachable!("the member that was chosen has failed"),
                        Err(error) => Err(error),
                    },)+
                    Some(index) => no_member(index, $length),
                }
            }

            fn take_any(mut self: Pin<&mut Self>, succeeded: Option<usize>) -> Self::Any {
                let errors = [$(match (slot!(self.$index).take(), succeeded) {
                    (Some(Ok(output)), Some($index)) => return Ok($OneOf::$variant(output)),
                    (output, _) => output.and_then(Result::err),
                },)+];
                let errors = errors.into_iter().map(|error| error.expect("none has succeeded"));
                Err(AllFailed::new(errors.collect()))
            }
        }

        impl<$($M: IntoFuture),+> Futures for ($($M,)+) {
            type All = ($($M::Output,)+);
            type First = $OneOf<$($M::Output),+>;
            type Race = Race<$OneOf<$($M::Output),+>, ($(Option<$M::Output>,)+)>;
            type Members = ($(Slot<InPlace<$M::IntoFuture>>,)+);

            fn into_members(self) -> Self::Members {
                ($(Slot::new(InPlace::new(self.$index.into_future())),)+)
            }
        }

        impl<Er, $($T, $M: IntoFuture<Output = Result<$T, Er>>),+> TryFutures for ($($M,)+) {
            type TryAll = Result<($($T,)+), Er>;
            type Any = Result<$OneOf<$($T),+>, AllFailed<Er>>;
            type TryMembers = ($(Slot<InPlace<$M::IntoFuture>>,)+);

            fn into_try_members(self) -> Self::TryMembers {
                self.into_members()
            }
        }

        impl<'env, $($T, $M),+> Closures<'env> for ($($M,)+)
        where
            $($M: FnOnce() -> $T + Send + 'env, $T: Send + 'env,)+
        {
            type All = ($($T,)+);
            type Race = Race<$OneOf<$($T),+>, ($(Option<$T>,)+)>;
            type Members = ($(Slot<Threaded<$T>>,)+);

            fn spawn<'scope>(self, scope: &'scope Scope<'scope, 'env>) -> Self::Members {
                ($(Slot::new(Threaded::new(scope.spawn(self.$index))),)+)
            }
        }

        impl<'env, Er, $($T, $M),+> TryClosures<'env> for ($($M,)+)
        where
            Er: Send + 'env,
            $($M: FnOnce() -> Result<$T, Er> + Send + 'env, $T: Send + 'env,)+
        {
            type TryAll = Result<($($T,)+), Er>;
            type Any = Result<$OneOf<$($T),+>, AllFailed<Er>>;
            type TryMembers = ($(Slot<Threaded<Result<$T, Er>>>,)+);

            fn try_spawn<'scope>(self, scope: &'scope Scope<'scope, 'env>) -> Self::TryMembers {
                self.spawn(scope)
            }
        }
    )+};
}

tuples! {
    OneOf1 1: 0 A Ta First;
    OneOf2 2: 0 A Ta First, 1 B Tb Second;
    OneOf3 3: 0 A Ta First, 1 B Tb Second, 2 C Tc Third;
    OneOf4 4: 0 A Ta First, 1 B Tb Second, 2 C Tc Third, 3 D Td Fourth;
    OneOf5 5: 0 A Ta First, 1 B Tb Second, 2 C Tc Third, 3 D Td Fourth, 4 E Te Fifth;
    OneOf6 6: 0 A Ta First, 1 B Tb Second, 2 C Tc Third, 3 D Td Fourth, 4 E Te Fifth, 5 F Tf Sixth;
    OneOf7 7: 0 A Ta First, 1 B Tb Second, 2 C Tc Third, 3 D Td Fourth, 4 E Te Fifth, 5 F Tf Sixth, 6 G Tg Seventh;
    OneOf8 8: 0 A Ta First, 1 B Tb Second, 2 C Tc Third, 3 D Td Fourth, 4 E Te Fifth, 5 F Tf Sixth, 6 G Tg Seventh, 7 H Th Eighth;
}
