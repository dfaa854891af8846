/* SPDX-License-Identifier: MIT */
/* Every scenario's function; index.c names them. */
#ifndef NTSIM_SCENARIOS_H
#define NTSIM_SCENARIOS_H

#include "../scenario.h"
#include "../sched.h"

void load_and_unload(void);

void process_create(void);
void process_parent(void);
void process_tokens(void);
void process_texts(void);
void process_exit(void);
void process_old_exit(void);
void process_subsystem(void);
void process_many(void);
void thread_remote(void);
void thread_remote_nowhere(void);
void thread_local(void);
void image_process(void);
void image_driver(void);
void tamper_locked(void);
void tamper_deleted(void);
void tamper_replaced(void);
void tamper_none(void);

void registry_create_key(void);
void registry_create_relative(void);
void registry_transaction(void);
void registry_set_value(void);
void registry_odd_values(void);
void registry_big_value(void);
void registry_delete_value(void);
void registry_delete_key(void);
void registry_rename_key(void);
void registry_roots(void);
void registry_faulting(void);
void registry_changing(void);
void registry_kernel_address(void);
void registry_classes(void);
void registry_protected(void);

void access_open(void);
void access_duplicate(void);
void access_ignored(void);
void access_deep(void);
void access_wow64(void);
void access_wow64_hostile(void);

void control_security(void);
void control_reads_pend(void);
void control_not_ready(void);
void control_boot_events(void);
void control_small_buffers(void);
void control_hostile(void);
void control_verdict_unknown(void);
void control_cache(void);
void control_cache_hostile(void);
void control_cache_changing(void);
void control_overflow(void);
void control_reload(void);
void control_watch(void);
void prepare_wrong_settings(void);
void control_wrong_settings(void);
void prepare_damaged_rules(void);
void control_damaged_rules(void);
void control_cut_rules(void);

void file_create(void);
void file_create_kinds(void);
void file_create_relative(void);
void file_open_by_id(void);
void file_time(void);
void stream_create(void);
void stream_kinds(void);
void raw_access(void);
void file_write_ways(void);
void file_asynchronous(void);
void file_odd(void);
void file_many(void);

void delete_excluded(void);
void delete_logged(void);
void delete_archived(void);
void delete_silent(void);
void delete_without_service(void);
void delete_ways(void);
void delete_not(void);
void delete_executable(void);
void delete_stream(void);
void archive_premade(void);
void archive_is_file(void);
void archive_big(void);
void prepare_quota(void);
void archive_quota(void);
void archive_withdrawn(void);
void executable_detected(void);
void executable_in_parts(void);
void executable_blocked(void);
void shredding_blocked(void);
void shredding_allowed(void);

void pipe_create_connect(void);
void pipe_none(void);
void pipe_relative(void);

void storm_short(void);
void storm_serial(void);
void storm_unload(void);

#endif
