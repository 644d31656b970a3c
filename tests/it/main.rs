//! Black-box tests: one binary.

mod bad_rest;
mod bad_servers;
mod capacity;
mod churn;
mod commands;
mod contract;
mod crash;
mod doctor;
mod exit_codes;
mod fan_out;
mod faults;
mod faults_of_requests;
mod known_delays;
mod program;
mod readme;
mod scenarios;
mod secrets;
mod selftest;
mod server;
mod signals;
mod simulated;
mod tidy;
mod vendor_page;
