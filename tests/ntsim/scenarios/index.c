/* SPDX-License-Identifier: MIT */
#include "scenarios.h"

#include "../rules.h"

/* Rules that log everything, and image loads switched on. */
static void log_everything(void)
{
    size_t size;
    const uint8_t *rules = rules_everything(&size);

    world_parameter(L"Rules", REG_BINARY, rules, (ULONG)size);
    world_parameter_dword(L"Options", 0xf);
}

static void protect(void)
{
    log_everything();
    world_parameter_dword(L"Protect", 3);
}

static void small_queue(void)
{
    log_everything();
    world_parameter_dword(L"DriverQueueSize", 64);
}

const struct scenario scenarios[] = {
    {"load", load_and_unload, log_everything, BARE},
    {"load-without-rules", load_and_unload, NULL, BARE},
    {"control-security", control_security, log_everything, BARE},
    {"control-reads-pend", control_reads_pend, log_everything, BARE},
    {"control-not-ready", control_not_ready, log_everything, BARE},
    {"control-boot-events", control_boot_events, log_everything, BARE},
    {"control-small-buffers", control_small_buffers, log_everything, BARE},
    {"control-overflow", control_overflow, small_queue, BARE | NO_SWEEP},
    {"control-hostile", control_hostile, log_everything, NO_SWEEP},
    {"control-verdict-unknown", control_verdict_unknown, log_everything, ON_ALL},
    {"control-cache", control_cache, log_everything, ON_ALL},
    {"control-cache-hostile", control_cache_hostile, log_everything, NO_SWEEP},
    {"control-cache-changing", control_cache_changing, log_everything, ON_ALL},
    {"control-reload", control_reload, log_everything, ON_ALL},
    {"control-watch", control_watch, log_everything, ON_ALL},
    {"control-cut-rules", control_cut_rules, log_everything, NO_SWEEP},
    {"control-wrong-settings", control_wrong_settings, prepare_wrong_settings, ON_ALL},
    {"control-damaged-rules", control_damaged_rules, prepare_damaged_rules, ON_ALL},
    {"process-create", process_create, log_everything, ON_ALL},
    {"process-parent", process_parent, log_everything, ON_ALL},
    {"process-tokens", process_tokens, log_everything, ON_ALL},
    {"process-texts", process_texts, log_everything, ON_ALL},
    {"process-exit", process_exit, log_everything, ON_ALL},
    {"process-old-exit", process_old_exit, log_everything, ON_ALL},
    {"process-subsystem", process_subsystem, log_everything, ON_ALL},
    {"process-many", process_many, log_everything, NO_SWEEP},
    {"thread-remote", thread_remote, log_everything, ON_ALL},
    {"thread-remote-nowhere", thread_remote_nowhere, log_everything, ON_ALL},
    {"thread-local", thread_local, log_everything, ON_ALL},
    {"image-process", image_process, log_everything, ON_ALL},
    {"image-driver", image_driver, log_everything, ON_ALL},
    {"tamper-locked", tamper_locked, log_everything, NEEDS_OBJECT_CALLBACKS},
    {"tamper-deleted", tamper_deleted, log_everything, NEEDS_OBJECT_CALLBACKS},
    {"tamper-replaced", tamper_replaced, log_everything, NEEDS_MINIFILTER},
    {"tamper-none", tamper_none, log_everything, ON_ALL},
    {"registry-create-key", registry_create_key, log_everything, ON_ALL},
    {"registry-create-relative", registry_create_relative, log_everything, ON_ALL},
    {"registry-transaction", registry_transaction, log_everything, ON_ALL},
    {"registry-set-value", registry_set_value, log_everything, ON_ALL},
    {"registry-odd-values", registry_odd_values, log_everything, ON_ALL},
    {"registry-big-value", registry_big_value, log_everything, ON_ALL},
    {"registry-delete-value", registry_delete_value, log_everything, ON_ALL},
    {"registry-delete-key", registry_delete_key, log_everything, ON_ALL},
    {"registry-rename-key", registry_rename_key, log_everything, ON_ALL},
    {"registry-roots", registry_roots, log_everything, ON_ALL},
    {"registry-faulting", registry_faulting, log_everything, ON_ALL},
    {"registry-changing", registry_changing, log_everything, ON_ALL},
    {"registry-kernel-address", registry_kernel_address, log_everything, ON_ALL},
    {"registry-classes", registry_classes, log_everything, ON_ALL},
    {"registry-protected", registry_protected, protect, ON_ALL},
    {"access-open", access_open, log_everything, NEEDS_OBJECT_CALLBACKS},
    {"access-duplicate", access_duplicate, log_everything, NEEDS_OBJECT_CALLBACKS},
    {"access-ignored", access_ignored, log_everything, NEEDS_OBJECT_CALLBACKS},
    {"access-deep", access_deep, log_everything, NEEDS_OBJECT_CALLBACKS},
    {"access-wow64", access_wow64, log_everything, NEEDS_OBJECT_CALLBACKS},
    {"access-wow64-hostile", access_wow64_hostile, log_everything, NEEDS_OBJECT_CALLBACKS},
    {"file-create", file_create, log_everything, ON_ALL},
    {"file-create-kinds", file_create_kinds, log_everything, ON_ALL},
    {"file-create-relative", file_create_relative, log_everything, ON_ALL},
    {"file-open-by-id", file_open_by_id, log_everything, ON_ALL},
    {"file-time", file_time, log_everything, ON_ALL},
    {"stream-create", stream_create, log_everything, ON_ALL},
    {"stream-kinds", stream_kinds, log_everything, ON_ALL},
    {"raw-access", raw_access, log_everything, ON_ALL},
    {"file-write-ways", file_write_ways, log_everything, ON_ALL},
    {"file-asynchronous", file_asynchronous, log_everything, ON_ALL},
    {"file-odd", file_odd, log_everything, ON_ALL},
    {"file-many", file_many, log_everything, NO_SWEEP},
    {"delete-excluded", delete_excluded, log_everything, ON_ALL},
    {"delete-logged", delete_logged, log_everything, ON_ALL},
    {"delete-archived", delete_archived, log_everything, ON_ALL},
    {"delete-silent", delete_silent, log_everything, ON_ALL},
    {"delete-without-service", delete_without_service, log_everything, ON_ALL},
    {"delete-ways", delete_ways, log_everything, ON_ALL},
    {"delete-not", delete_not, log_everything, ON_ALL},
    {"delete-executable", delete_executable, log_everything, ON_ALL},
    {"delete-stream", delete_stream, log_everything, ON_ALL},
    {"archive-premade", archive_premade, log_everything, ON_ALL},
    {"archive-is-file", archive_is_file, log_everything, ON_ALL},
    {"archive-big", archive_big, log_everything, ON_ALL},
    {"archive-quota", archive_quota, prepare_quota, NO_SWEEP},
    {"archive-withdrawn", archive_withdrawn, log_everything, ON_ALL},
    {"executable-detected", executable_detected, log_everything, ON_ALL},
    {"executable-in-parts", executable_in_parts, log_everything, ON_ALL},
    {"executable-blocked", executable_blocked, log_everything, ON_ALL},
    {"shredding-blocked", shredding_blocked, log_everything, ON_ALL},
    {"shredding-allowed", shredding_allowed, log_everything, ON_ALL},
    {"pipe-create-connect", pipe_create_connect, log_everything, ON_ALL},
    {"pipe-none", pipe_none, log_everything, ON_ALL},
    {"pipe-relative", pipe_relative, log_everything, ON_ALL},
    {"storm", storm_short, log_everything, NO_SWEEP},
    {"storm-serial", storm_serial, log_everything, NO_SWEEP},
    {"storm-unload", storm_unload, log_everything, BARE | NO_SWEEP},
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
const struct scenario self_tests[] = {
    {"load", load_and_unload, NULL, BARE},
};
const size_t self_test_count = sizeof self_tests / sizeof self_tests[0];
