//! Looking into token streams: conditions, and the arguments of macros, which have no syntax yet.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What a condition may ask about the platform only inside the fence.
const PLATFORM: [&str; 8] = [
    "target_os",
    "target_arch",
    "target_family",
    "target_env",
    "target_vendor",
    "target_abi",
    "unix",
    "windows",
];

/// The platform questions in the predicate of a `cfg`, each with its line.
pub fn platform_questions(predicate: TokenStream) -> Vec<(String, usize)> {
    let mut asked = Vec::new();
    for token in predicate {
        match token {
            TokenTree::Group(group) => asked.extend(platform_questions(group.stream())),
            TokenTree::Ident(word) if PLATFORM.iter().any(|platform| word == platform) => {
                asked.push((word.to_string(), word.span().start().line));
            }
            _ => {}
        }
    }
    asked
}

/// Whether the predicate of a `cfg` holds only in tests (`test`) or models (`loom`).
pub fn asks_for_test(predicate: TokenStream) -> bool {
    let mut after_not = false;
    predicate.into_iter().any(|token| match token {
        TokenTree::Ident(word) => {
            after_not = word == "not";
            word == "test" || word == "loom"
        }
        TokenTree::Group(group) => !std::mem::take(&mut after_not) && asks_for_test(group.stream()),
        _ => false,
    })
}

/// What the arguments of a macro hold, each with its line.
#[derive(Default)]
pub struct Found {
    pub paths: Vec<(Vec<String>, usize)>,
    pub macros: Vec<(String, usize)>,
    pub unsafe_blocks: Vec<usize>,
    pub platform_questions: Vec<(String, usize)>,
}

pub fn scan(stream: TokenStream) -> Found {
    let mut found = Found::default();
    scan_into(stream, &mut found);
    found
}

fn scan_into(stream: TokenStream, found: &mut Found) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => scan_into(group.stream(), found),
            TokenTree::Ident(word) if word == "unsafe" && opens_block(tokens.get(at + 1)) => {
                found.unsafe_blocks.push(word.span().start().line);
            }
            TokenTree::Ident(word) if (word == "cfg" || word == "cfg_attr") && at + 1 < tokens.len() => {
                let predicate = tokens[at + 1..].iter().take(2).find_map(group_stream);
                found.platform_questions.extend(predicate.map(platform_questions).unwrap_or_default());
            }
            TokenTree::Ident(word) => {
                let line = word.span().start().line;
                let (segments, next) = path_from(&tokens, at);
                if is_punctuation(tokens.get(next), '!') && tokens.get(next + 1).is_some_and(is_group) {
                    found.macros.push((segments.last().cloned().unwrap_or_default(), line));
                }
                found.paths.push((segments, line));
                at = next;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// The longest path `a::b::c` that starts at the name at `at`, and where it ends.
fn path_from(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        segments.push(word.to_string());
        at += 1;
        let goes_on = is_punctuation(tokens.get(at), ':')
            && is_punctuation(tokens.get(at + 1), ':')
            && matches!(tokens.get(at + 2), Some(TokenTree::Ident(_)));
        if !goes_on {
            break;
        }
        at += 2;
    }
    (segments, at)
}

fn opens_block(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace)
}

fn is_punctuation(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punctuation)) if punctuation.as_char() == wanted)
}

fn is_group(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(_))
}

fn group_stream(token: &TokenTree) -> Option<TokenStream> {
    match token {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    }
}
