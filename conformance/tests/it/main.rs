//! The tests of the suite and of the command, in one binary.

mod adapters;
mod cli;
mod cli_explain;
mod cli_worlds;
mod clients;
mod docs;
mod earlier;
mod gate;
mod house;
mod interleaved;
mod orderings;
mod own_client;
mod own_implementation;
mod programs;
mod races;
mod readings;
mod recorded;
mod runtime;
mod scenarios;
mod schemas;
mod shrink;
mod support;
mod tidy;
mod traces;
mod wire;
mod worlds;
