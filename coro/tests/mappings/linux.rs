//! What the kernel says about the address space, from /proc.

/// The mapping that holds an address, as the kernel describes it.
pub fn mapping_of(address: usize) -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let number = |digits: &str| usize::from_str_radix(digits, 16).unwrap();
    let holds_it = |line: &&str| {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        (number(start)..number(end)).contains(&address)
    };
    maps.lines().find(holds_it).map(str::to_owned)
}
