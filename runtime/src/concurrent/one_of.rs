//! One of several values of different types: what the first of a tuple has ended with.

macro_rules! one_of {
    ($($name:ident $length:literal: $($type:ident $variant:ident $index:literal),+;)+) => {$(
        #[doc = concat!("What one of ", $length, " members has ended with, by its place.")]
        ///
        /// # Examples
        ///
        /// See [`select`](super::select).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name<$($type),+> {
            $(
                #[doc = concat!("Of the member with the index ", $index, ".")]
                $variant($type),
            )+
        }

        impl<T> $name<$(one_of!(@same $type T)),+> {
            /// The value, where all are of one type.
            ///
            /// # Examples
            ///
            /// ```
            /// use fibra::concurrent::{OneOf2, race_async};
            ///
            /// let race = fibra::wait(race_async((std::future::pending::<u8>(), async { 7 })));
            /// assert_eq!(race.output, OneOf2::Second(7));
            /// assert_eq!(race.output.into_inner(), 7);
            /// ```
            pub fn into_inner(self) -> T {
                match self {
                    $(Self::$variant(value) => value,)+
                }
            }
        }
    )+};
    (@same $type:ident $same:ident) => { $same };
}

one_of! {
    OneOf1 "1": A First 0;
    OneOf2 "2": A First 0, B Second 1;
    OneOf3 "3": A First 0, B Second 1, C Third 2;
    OneOf4 "4": A First 0, B Second 1, C Third 2, D Fourth 3;
    OneOf5 "5": A First 0, B Second 1, C Third 2, D Fourth 3, E Fifth 4;
    OneOf6 "6": A First 0, B Second 1, C Third 2, D Fourth 3, E Fifth 4, F Sixth 5;
    OneOf7 "7": A First 0, B Second 1, C Third 2, D Fourth 3, E Fifth 4, F Sixth 5, G Seventh 6;
    OneOf8 "8": A First 0, B Second 1, C Third 2, D Fourth 3, E Fifth 4, F Sixth 5, G Seventh 6, H Eighth 7;
}
