/* SPDX-License-Identifier: MIT */
/* The classic switch parser against the results checked on the published one (spec 05 section 2). */
#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define USAGE 0xFFFFFFFFFFFFFFFFull
#define SET(name) (1ull << OPTION_##name)

struct sample {
    const char *arguments; /* separated by blanks */
    uint64_t set;          /* mask of options, or USAGE */
    unsigned option;       /* the option whose value is checked, when `value` is given */
    const char *value;
};

static const struct sample samples[] = {
    { "-lnr", SET(ImageLoad) | SET(NetworkConnect) | SET(CheckRevocation) },
    { "-il", SET(Install) | SET(ImageLoad) },
    { "-nl", USAGE },
    { "-dns", USAGE },
    { "-s", SET(PrintSchema) },
    { "-S", SET(PrintSchema) },
    { "-s 4.50", SET(PrintSchema), OPTION_PrintSchema, "4.50" },
    { "-service", SET(Service) },
    { "-nologo", SET(NoLogo) },
    { "-u force", SET(UnInstall), OPTION_UnInstall, "force" },
    { "-uninstall", USAGE },
    { "-install", USAGE },
    { "-c --", SET(Configuration) | SET(ConfigDefault) },
    { "-i -accepteula", SET(Install) | SET(AcceptEula) },
    { "-i -h md5,sha1", SET(Install) | SET(HashAlgorithms), OPTION_HashAlgorithms, "md5,sha1" },
    { "-i c.xml -h md5", SET(Install) | SET(HashAlgorithms), OPTION_Install, "c.xml" },
    { "-h -x", SET(HashAlgorithms), OPTION_HashAlgorithms, "-x" },
    { "-hmd5", USAGE },
    { "-i -c", USAGE },
    { "-s -s", USAGE },
    { "-d x -d y", USAGE },
    { "-n a,b -l", SET(NetworkConnect) | SET(ImageLoad), OPTION_NetworkConnect, "a,b" },
    { "-k lsass.exe:0x10", SET(ProcessAccess), OPTION_ProcessAccess, "lsass.exe:0x10" },
    { "-k", USAGE },
    { "foo", USAGE },
    { "-btf /x -i c.xml", SET(BTF) | SET(Install), OPTION_BTF, "/x" },
    { "-t verbose", SET(DebugMode), OPTION_DebugMode, "verbose" },
    { "-q", USAGE },
    { "-i a -i b", USAGE },
    { "-n -n", SET(NetworkConnect) },
    { "-m", SET(Manifest) },
    { "-e", SET(CopyOnDelete_PE) },
};

static uint64_t parse(char *line, struct cli_options *options)
{
    char program[] = "sysmon", *rest, *argv[16] = { program };
    int argc = 1, wrong = 0;
    uint64_t set = 0;

    for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    if (options_parse(options, argc, argv, &wrong)) {
        assert_in_range(wrong, 1, argc - 1);
        return USAGE;
    }
    for (unsigned i = 0; i < CATALOGUE_OPTION_COUNT; i++)
        set |= (uint64_t)options->option[i].set << i;
    return set;
}

static void published_results(void **state)
{
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct cli_options options = { 0 };
        char line[128];

        snprintf(line, sizeof(line), "%s", samples[i].arguments);
        if (parse(line, &options) != samples[i].set)
            fail_msg("%s", samples[i].arguments);
        if (samples[i].value)
            assert_string_equal(options.option[samples[i].option].value, samples[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(published_results) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
