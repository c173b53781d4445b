//! A name is a name.

pub fn means_something_else(_name: &[u8]) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use crate::request_path::{PathError, RequestPath};

    #[test]
    fn a_redirect_says_nothing_else_than_where_to_go() {
        let path = RequestPath::parse("/a%0d%0aSet-Cookie:x", false).unwrap();
        assert_eq!(path.with_slash(), "/a%0D%0ASet-Cookie%3Ax/");
    }

    #[test]
    fn three_dots_are_a_hidden_name() {
        assert_eq!(RequestPath::parse("/...", false), Err(PathError::Unservable));
        assert!(RequestPath::parse("/...", true).is_ok());
    }
}
