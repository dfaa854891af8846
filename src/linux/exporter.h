/* SPDX-License-Identifier: MIT */
/*
 * `sysmon stats --listen`: a process of its own that answers `GET /metrics` with the running monitor's counters. It
 * speaks as much HTTP as a scraper needs; the monitor itself never reads HTTP.
 */
#pragma once

/*
 * `address`: HOST:PORT or [HOST]:PORT with a loopback host, or unix:PATH (owner-only). Serves until SIGINT or SIGTERM;
 * returns an exit code. The address it listens on is printed first (port 0 picks one). `runtime`: the monitor's control
 * directory.
 */
int exporter_run(const char *address, const char *runtime);
