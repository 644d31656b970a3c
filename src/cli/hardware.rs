//! What this machine is.

use std::fs;

use crate::results::Hardware;

/// Longest name of a processor, characters.
const CPU_CHARS_MAX: usize = 80;

/// Reads it off the system; what the system does not say stays empty.
pub(super) fn hardware() -> Hardware {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    Hardware {
        cpu: cpu_model(&read("/proc/cpuinfo")),
        processors: processors as u32,
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        memory_gib: memory_gib(&read("/proc/meminfo")),
    }
}

fn cpu_model(cpuinfo: &str) -> String {
    let named = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    let model = named.into_iter().find(|(key, _)| matches!(key.trim(), "model name" | "Model" | "cpu model"));
    let words: Vec<&str> = model.map_or("", |(_, model)| model).split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(CPU_CHARS_MAX).collect()
}

fn memory_gib(meminfo: &str) -> u32 {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: u64 = total.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0);
    if kib == 0 { 0 } else { (kib.div_ceil(1 << 20) as u32).next_power_of_two() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_a_class_and_a_processor_has_one_line() {
        assert_eq!(memory_gib("MemTotal:       24627512 kB\nMemFree: 1 kB\n"), 32);
        assert_eq!(memory_gib("MemTotal:       16000000 kB\n"), 16);
        assert_eq!(memory_gib(""), 0);
        let cpuinfo = "processor\t: 0\nmodel name\t: Intel(R)   Xeon(R) CPU @ 2.20GHz\nmodel name\t: second\n";
        assert_eq!(cpu_model(cpuinfo), "Intel(R) Xeon(R) CPU @ 2.20GHz");
        assert_eq!(cpu_model("nothing"), "");
    }
}
