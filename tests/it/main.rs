//! Black-box tests: one binary.

mod bad_rest;
mod bad_servers;
mod churn;
mod commands;
mod contract;
mod crash;
mod exit_codes;
mod fan_out;
mod faults;
mod faults_of_requests;
mod program;
mod scenarios;
mod secrets;
mod server;
mod signals;
mod simulated;
mod tidy;
mod vendor_page;
