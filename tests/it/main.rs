//! End to end: the real binary in a temporary directory, driven by the stock `supervisorctl` and by XML-RPC.

#[path = "../world/mod.rs"]
mod world;

mod bounds;
mod check;
mod client;
mod collections;
mod crowds;
mod fcgi;
mod foreign;
mod limits;
mod listeners;
mod logs;
mod manual;
mod metrics;
mod pages;
mod plugins;
mod processes;
mod quickstart;
mod reload;
mod servers;
mod startup;
mod surroundings;
mod update;
mod views;
