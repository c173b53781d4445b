//! A name as the table keeps it: beside what it stands for, so that a lookup that has found one has found both.
//!
//! A `Box<str>` alone would be a third place in memory to wait for, after the slot and the entry. Names of up to 22 bytes, as
//! most are, lie in the entry itself.

/// As many bytes as fit where a `Box<str>` and the tag lie in the other case.
const SHORT: usize = 22;

/// See the module.
pub(super) enum Name {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<str>),
}

impl Name {
    pub(super) fn new(name: &str) -> Self {
        let mut bytes = [0; SHORT];
        match bytes.get_mut(..name.len()) {
            Some(start) => {
                start.copy_from_slice(name.as_bytes());
                Name::Short { length: name.len() as u8, bytes }
            }
            None => Name::Long(name.into()),
        }
    }

    #[inline]
    pub(super) fn is(&self, name: &str) -> bool {
        self.as_bytes() == name.as_bytes()
    }

    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).expect("it was made of a `str`")
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        match self {
            Name::Short { length, bytes } => &bytes[..usize::from(*length)],
            Name::Long(name) => name.as_bytes(),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_length_is_itself_and_no_other() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 1000] {
            let text = "ö".repeat(length / 2) + &"x".repeat(length % 2);
            let name = Name::new(&text);
            assert_eq!(matches!(name, Name::Short { .. }), length <= SHORT, "{length}");
            assert_eq!(name.as_str(), text);
            assert!(name.is(&text));
            assert!(!name.is(&(text.clone() + "x")));
            assert!(length == 0 || !name.is(""));
        }
    }

    #[test]
    fn what_is_short_takes_no_more_room_than_what_is_long() {
        assert_eq!(size_of::<Name>(), 24);
    }
}
