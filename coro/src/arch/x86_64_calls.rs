//! What calls look like on x86_64, whatever the calling convention.

/// `call [base + index * scale + displacement]`, without a prefix.
pub(crate) const LONGEST_CALL: usize = 7;

/// Whether the code ends with a call. Instructions have no fixed places, so what ends in these bytes may be the tail of
/// another one.
pub(crate) fn ends_with_call(code: &[u8; LONGEST_CALL]) -> bool {
    const RELATIVE: u8 = 0xe8;
    const INDIRECT: u8 = 0xff;
    /// In the byte after `INDIRECT`, these bits choose among its instructions; this one is the near call.
    const OPERATION: u8 = 0x38;
    const CALL: u8 = 0x10;
    let from_end = |distance: usize| code[LONGEST_CALL - distance];
    let is_indirect =
        |length: usize| from_end(length) == INDIRECT && from_end(length - 1) & OPERATION == CALL;
    from_end(5) == RELATIVE || [2, 3, 4, 6, 7].into_iter().any(is_indirect)
}
