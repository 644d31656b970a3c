//! Black-box tests: one binary.

mod contract;
mod crash;
mod exit_codes;
mod fan_out;
mod faults;
mod program;
mod readme;
mod scenarios;
mod server;
mod signals;
mod simulated;
mod vendor_page;
