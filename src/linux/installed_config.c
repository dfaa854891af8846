/* SPDX-License-Identifier: MIT */
/* Configuration files in the store. */
#include "installed_config.h"

#include "cli/config_file.h"
#include "port/file.h"
#include "sysmon/hash.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_COMMAND_LINE (1u << 20)

static const char empty_configuration[] =
    "<Sysmon schemaversion=\"4.22\">\n  <EventFiltering>\n  </EventFiltering>\n</Sysmon>\n";

void installed_config_free(struct installed_config *config)
{
    config_free(config->config);
    free(config->data);
    free(config->source);
    free(config->words);
    memset(config, 0, sizeof *config);
}

static const char *value_of(const struct cli_options *options, unsigned option)
{
    const struct cli_option *given = &options->option[option];

    return given->set ? given->value ? given->value : "" : NULL;
}

/* Settings of the command line count where the file has none (spec 03 section 4). */
static int add_switches(struct config *config, const struct cli_options *options, FILE *messages)
{
    char error[512];

    for (unsigned i = 0; i < CATALOGUE_OPTION_COUNT; i++) {
        const struct cli_option *given = &options->option[i];
        int failed;

        if (!given->set || config->option[i].set || (catalogue_options[i].flags & OPTION_FLAG_NOCONFIG))
            continue;
        failed = config_set_option(config, (enum catalogue_option_id)i, given->value, error, sizeof error);
        if (failed) {
            fprintf(messages, "Error: %s\n", error);
            return failed;
        }
    }
    return 0;
}

static int compile(struct installed_config *out, const char *name, const struct cli_options *options, enum config_severity least,
                   FILE *messages)
{
    const struct config_parameters parameters = {
        .system = SYSTEM_HERE,
        .image_load = value_of(options, OPTION_ImageLoad),
        .network_connect = value_of(options, OPTION_NetworkConnect),
        .no_lint = true,
    };
    struct config_diagnostics diagnostics = { 0 };
    int error = config_compile(&out->config, out->data, out->size, &parameters, &diagnostics);

    config_diagnostics_print(messages, name, &diagnostics, least);
    config_diagnostics_free(&diagnostics);
    if (!error)
        error = add_switches(out->config, options, messages);
    return !error ? EXIT_OK : error == -ENOMEM ? EXIT_INTERNAL : EXIT_CONFIG;
}

/* With the algorithms in use, as the original does; IMPHASH says nothing about a text. */
static void hash_file(struct installed_config *out)
{
    uint32_t mask = hash_mask(out->config->hash_algorithms) & ~(uint32_t)HASH_IMPHASH;
    struct byte_buffer buffer = { out->data, out->size };
    struct byte_source source = byte_source_buffer(&buffer);
    struct hash_values values;

    if (hash_compute(&values, mask ? mask : HASH_DEFAULT, &source))
        snprintf(out->hash, sizeof out->hash, "-");
    else
        hash_format(out->hash, &values, false);
}

static int read_file(struct installed_config *out, const char *path, FILE *messages)
{
    int error = 0;

    if (path) {
        error = file_read(path, CONFIG_MAX_FILE_SIZE, &out->data, &out->size);
    } else {
        out->data = strdup(empty_configuration);
        out->size = sizeof empty_configuration - 1;
        error = out->data ? 0 : -ENOMEM;
    }
    if (!error)
        return EXIT_OK;
    fprintf(messages, "Error: cannot read the configuration %s: %s\n", path ? path : "", error == -EFBIG ? "larger than 64 MiB" : strerror(-error));
    return error == -ENOMEM ? EXIT_INTERNAL : EXIT_UNREADABLE;
}

int installed_config_read(struct installed_config *out, const char *path, const struct cli_options *options,
                          enum config_severity least, FILE *messages)
{
    struct installed_config new = { 0 };
    int code = read_file(&new, path, messages);

    if (!code)
        code = compile(&new, path ? path : "the empty configuration", options, least, messages);
    if (code)
        installed_config_free(&new);
    else
        *out = new;
    return code;
}

/* --- store ---------------------------------------------------------------------------------------------------------- */

static int stage_words(struct store *store, int argc, char *const *argv)
{
    size_t size = 0, used = 0;
    char *words;
    int error;

    for (int i = 0; i < argc; i++)
        size += strlen(argv[i]) + 1;
    words = malloc(size ? size : 1);
    if (!words)
        return -ENOMEM;
    for (int i = 0; i < argc; i++) {
        size_t length = strlen(argv[i]) + 1;

        memcpy(words + used, argv[i], length);
        used += length;
    }
    error = store_stage(store, STORE_ARGV, words, size, 0600);
    free(words);
    return error ? error : store_stage(store, STORE_ARGC, &argc, sizeof argc, 0600);
}

int installed_config_stage(const struct installed_config *in, struct store *store, int argc, char *const *argv)
{
    const struct config_option_value *sizes = &in->config->option[OPTION_FieldSizes];
    int error = store_stage(store, STORE_CONFIG, in->data, in->size, 0600);

    if (!error)
        error = store_stage(store, STORE_RULES, in->config->blob, in->config->blob_size, 0600);
    if (!error)
        error = sizes->set && sizes->text ? store_stage(store, STORE_FIELD_SIZES, sizes->text, strlen(sizes->text) + 1, 0600)
                                          : store_stage_absent(store, STORE_FIELD_SIZES);
    return error ? error : stage_words(store, argc, argv);
}

/* Words of the stored command line; the array is allocated, its texts are `words`. */
static char **split(char *words, size_t size, int *count)
{
    char **argv;

    *count = 0;
    for (size_t i = 0; i < size; i++)
        *count += words[i] == '\0';
    argv = calloc((size_t)*count + 1, sizeof *argv);
    for (int i = 0; argv && i < *count; i++) {
        argv[i] = words;
        words += strlen(words) + 1;
    }
    return argv;
}

static char *join(int argc, char *const *argv)
{
    size_t size = 1, used = 0;
    char *line;

    for (int i = 0; i < argc; i++)
        size += strlen(argv[i]) + 1;
    line = malloc(size);
    for (int i = 0; line && i < argc; i++)
        used += (size_t)snprintf(line + used, size - used, i ? " %s" : "%s", argv[i]);
    if (line)
        line[used] = '\0';
    return line;
}

/* What event 16 says about where the configuration comes from. */
static int describe(struct installed_config *out, const struct cli_options *options, int argc, char *const *argv)
{
    const char *path = value_of(options, OPTION_Install);

    if (!path || !*path)
        path = value_of(options, OPTION_Configuration);
    if (options->option[OPTION_ConfigDefault].set)
        out->source = strdup("Defaults");
    else
        out->source = path && *path ? strdup(path) : join(argc, argv);
    out->from_file = path && *path;
    return out->source ? 0 : -ENOMEM;
}

static int load_words(struct installed_config *out, const struct store *store, struct cli_options *options)
{
    void *words;
    size_t size;
    char **argv;
    int argc, wrong, error = store_read(store, STORE_ARGV, MAX_COMMAND_LINE, &words, &size);

    memset(options, 0, sizeof *options);
    if (error)
        return error;
    out->words = words;
    argv = split(words, size, &argc);
    if (!argv)
        return -ENOMEM;
    error = argc ? options_parse(options, argc, argv, &wrong) : 0;
    if (!error)
        error = describe(out, options, argc, argv);
    free(argv);
    return error;
}

static int say(char *error, size_t size, int code, const char *what, int number)
{
    snprintf(error, size, "cannot read " STORE_DIRECTORY "/%s: %s", what, strerror(-number));
    return code;
}

/* The first line that the compiler printed. */
static int compile_quietly(struct installed_config *out, const char *name, const struct cli_options *options, char *error, size_t size)
{
    char *text = NULL;
    size_t length;
    FILE *messages = open_memstream(&text, &length);
    int code;

    if (!messages)
        return say(error, size, EXIT_INTERNAL, STORE_CONFIG, -ENOMEM);
    code = compile(out, name, options, CONFIG_ERROR, messages);
    fclose(messages);
    if (code)
        snprintf(error, size, "%.*s", (int)strcspn(text, "\n"), text);
    free(text);
    return code;
}

int installed_config_open(struct installed_config *out, const char *path, const struct cli_options *options, char *error, size_t size)
{
    struct installed_config new = { 0 };
    struct stat status;
    int failed, code;

    /* A pipe can be read once only, and the monitor would wait for its writer instead of monitoring. */
    if (!stat(path, &status) && !S_ISREG(status.st_mode)) {
        snprintf(error, size, "cannot use the configuration %s: it is no ordinary file, and it will be read more than once", path);
        return EXIT_UNREADABLE;
    }
    failed = file_read(path, CONFIG_MAX_FILE_SIZE, &new.data, &new.size);
    if (failed) {
        snprintf(error, size, "cannot read the configuration %s: %s", path, failed == -EFBIG ? "larger than 64 MiB" : strerror(-failed));
        return EXIT_UNREADABLE;
    }
    code = compile_quietly(&new, path, options, error, size);
    if (!code)
        hash_file(&new);
    new.source = strdup(path);
    if (!code && !new.source)
        code = EXIT_INTERNAL;
    if (code)
        installed_config_free(&new);
    else
        *out = new;
    return code;
}

int installed_config_built_in(struct installed_config *out, const char *name, const void *data, size_t data_size, char *error, size_t size)
{
    const struct cli_options none = { 0 };
    struct installed_config new = { .data = malloc(data_size + 1), .size = data_size, .source = strdup(name) };
    int code = EXIT_INTERNAL;

    snprintf(error, size, "out of memory");
    if (new.data && new.source) {
        memcpy(new.data, data, data_size);
        snprintf(new.hash, sizeof new.hash, "-");
        code = compile_quietly(&new, name, &none, error, size);
    }
    if (code)
        installed_config_free(&new);
    else
        *out = new;
    return code;
}

int installed_config_load(struct installed_config *out, const struct store *store, char *error, size_t size)
{
    struct installed_config new = { 0 };
    struct cli_options options;
    int code = EXIT_OK, failed = store_read(store, STORE_CONFIG, CONFIG_MAX_FILE_SIZE, &new.data, &new.size);

    if (failed)
        code = say(error, size, failed == -ENOENT ? EXIT_NOT_INSTALLED : EXIT_UNREADABLE, STORE_CONFIG, failed);
    else if ((failed = load_words(&new, store, &options)))
        code = say(error, size, EXIT_UNREADABLE, STORE_ARGV, failed);
    else
        code = compile_quietly(&new, STORE_DIRECTORY "/" STORE_CONFIG, &options, error, size);
    if (!code && new.from_file)
        hash_file(&new);
    else
        snprintf(new.hash, sizeof new.hash, "-");
    if (code)
        installed_config_free(&new);
    else
        *out = new;
    return code;
}
