/* SPDX-License-Identifier: MIT */
/*
 * ntsim DRIVER.sys [options]      TAP on standard output
 *
 *   --profile NAME|all            the NT version (default all)
 *   --scenario NAME|all           (default all); a name ending in * matches the beginning
 *   --self-test                   run the simulator's own tests; DRIVER is then tests/ntsim/testdrv
 *   --sweep                       fail every fallible call of every scenario once
 *   --preempt N --seed S          switch threads at every N-th call
 *   --debug                       print the driver's DbgPrint text
 *   --trace                       print every call of the driver into the kernel
 *   --watchdog SECONDS            end the program when nothing happens for so long (default 60)
 *   --list                        names of profiles and scenarios
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "host.h"
#include "mm.h"
#include "module.h"
#include "rtl.h"
#include "scenario.h"
#include "sched.h"

static struct {
    const char *driver, *profile, *scenario;
    bool self_test, sweep, list;
    unsigned preempt, watchdog;
    uint64_t seed;
} options = {.profile = "all", .scenario = "all", .watchdog = 60, .seed = 1};

static bool matches(const char *pattern, const char *name)
{
    size_t length = strlen(pattern);

    if (strcmp(pattern, "all") == 0 || strcmp(pattern, name) == 0)
        return true;
    return length && pattern[length - 1] == '*' && strncmp(pattern, name, length - 1) == 0;
}

static bool applies(const struct scenario *s)
{
    if (s->flags & NEEDS_OBJECT_CALLBACKS && !nt_at_least(VISTA))
        return false;
    if (s->flags & NEEDS_MINIFILTER && (!nt_at_least(WIN8) || !profile->filter_manager_serves))
        return false;
    if (s->flags & NEEDS_LEGACY && nt_at_least(WIN8))
        return false;
    return true;
}

/* One life of a machine. The point is failed by checks and bugs on the way. */
static void live(const struct scenario *s)
{
    sched_mark();
    world_boot();
    if (s->prepare)
        s->prepare();
    if (s->flags & BARE) {
        s->run();
    } else if (NT_SUCCESS(world_load())) {
        client_start();
        if (client_running()) {
            as(world.user);
            s->run();
            as(NULL);
            client_sync();
            client_check_sequence();
            client_stop();
        }
    } else if (!fault_fired()) {
        check(false, "DriverEntry fails: 0x%08x", (unsigned)world.entry_status);
    }
    world_end();
}

static void run_point(const struct scenario *s)
{
    char name[160];

    snprintf(name, sizeof name, "%s: %s", profile->name, s->name);
    if (!applies(s))
        return;
    tap_begin(name);
    sched_preempt(options.preempt, options.seed);
    live(s);
    tap_end();
}

/* --- fault sweep ---------------------------------------------------------------------------------------------------------- */

static void check_fault_run(void)
{
    uint64_t accounted = client_lost() + client_count(R_KERNEL_ERROR);

    if (client_missing() > accounted && NT_SUCCESS(world.entry_status))
        check(false, "%u expected record(s) missing, %llu counted as lost or reported", client_missing(), (unsigned long long)accounted);
}

static void sweep_point(const struct scenario *s)
{
    static unsigned numbers[8192];
    char name[200];
    size_t count;

    if (!applies(s) || s->flags & NO_SWEEP)
        return;
    snprintf(name, sizeof name, "%s: sweep %s", profile->name, s->name);
    tap_begin(name);
    fault_count();
    live(s);
    fault_off();
    count = fault_new_places(numbers, sizeof numbers / sizeof numbers[0]);
    for (size_t i = 0; i < count && !tap_failed(); i++) {
        fault_arm(numbers[i]);
        client_fault_run(true);
        live(s);
        check_fault_run();
        client_fault_run(false);
        if (tap_failed())
            say("with %s failing", fault_fired() ? fault_fired() : "no call");
        fault_off();
    }
    say("%zu places failed once", count);
    tap_end();
}

/* --- command line ------------------------------------------------------------------------------------------------------------ */

static void usage(void)
{
    fprintf(stderr, "usage: ntsim DRIVER.sys [--profile NAME] [--scenario NAME] [--self-test] [--sweep] [--preempt N] [--seed S]\n"
                    "                        [--debug] [--trace] [--watchdog SECONDS] [--list]\n");
    host_exit(2);
}

static const char *value_of(char **argv, int argc, int *i)
{
    if (*i + 1 >= argc)
        usage();
    return argv[++*i];
}

static void parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--profile") == 0)
            options.profile = value_of(argv, argc, &i);
        else if (strcmp(argv[i], "--scenario") == 0)
            options.scenario = value_of(argv, argc, &i);
        else if (strcmp(argv[i], "--preempt") == 0)
            options.preempt = (unsigned)atoi(value_of(argv, argc, &i));
        else if (strcmp(argv[i], "--seed") == 0)
            options.seed = strtoull(value_of(argv, argc, &i), NULL, 0);
        else if (strcmp(argv[i], "--watchdog") == 0)
            options.watchdog = (unsigned)atoi(value_of(argv, argc, &i));
        else if (strcmp(argv[i], "--self-test") == 0)
            options.self_test = true;
        else if (strcmp(argv[i], "--sweep") == 0)
            options.sweep = true;
        else if (strcmp(argv[i], "--debug") == 0)
            debug_output = true;
        else if (strcmp(argv[i], "--trace") == 0)
            gate_tracing = true;
        else if (strcmp(argv[i], "--list") == 0)
            options.list = true;
        else if (argv[i][0] == '-' || options.driver)
            usage();
        else
            options.driver = argv[i];
    }
    if (!options.driver && !options.list)
        usage();
}

static const struct scenario *table(size_t *count)
{
    *count = options.self_test ? self_test_count : scenario_count;
    return options.self_test ? self_tests : scenarios;
}

static void list(void)
{
    size_t count;
    const struct scenario *all = table(&count);

    for (size_t i = 0; i < profile_count; i++)
        printf("profile %s\n", profiles[i].name);
    for (size_t i = 0; i < count; i++)
        printf("scenario %s\n", all[i].name);
}

static void run_all(void)
{
    size_t count;
    const struct scenario *all = table(&count);

    for (size_t p = 0; p < profile_count; p++) {
        if (!matches(options.profile, profiles[p].name))
            continue;
        profile = &profiles[p];
        fault_forget_places();
        for (size_t i = 0; i < count; i++)
            if (matches(options.scenario, all[i].name))
                (options.sweep ? sweep_point : run_point)(&all[i]);
    }
}

static void kernel_main(void *unused)
{
    struct driver_file file;

    (void)unused;
    if (loader_read(options.driver, &file) != 0) {
        fprintf(stderr, "ntsim: %s: not a driver image of this architecture\n", options.driver);
        host_exit(2);
    }
    world_driver_file(&file);
    if (!options.self_test) {
        tap_begin("image");
        loader_inspect(&file);
        tap_end();
    }
    run_all();
    host_exit(tap_finish());
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOFBF, 65536);
    parse(argc, argv);
    if (options.list) {
        list();
        return 0;
    }
    mm_begin();
    sched_watchdog(options.watchdog);
    sched_begin(kernel_main, NULL);
}
