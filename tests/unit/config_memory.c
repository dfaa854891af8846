/* SPDX-License-Identifier: MIT */
/* Configurations when memory runs out: every allocation fails once; nothing crashes, leaks or half succeeds. */
#include "config_case.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The linker sends the engine's allocations here (meson.build). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

static unsigned long allowed; /* allocations until one fails; 0 = none does */

static bool fails(void)
{
    return allowed && --allowed == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static const char good[] =
    "<Sysmon schemaversion='4.90'><HashAlgorithms>md5</HashAlgorithms><FieldSizes>Image:5</FieldSizes>"
    "<ProcessAccessConfig>a,b</ProcessAccessConfig><CheckRevocation/><EventFiltering><RuleGroup name='G' groupRelation='or'>"
    "<ProcessCreate onmatch='include'><Image>a</Image><Image> a</Image><Rule name='R'><User>u</User></Rule></ProcessCreate>"
    "<RegistryEvent onmatch='include'><Details>d</Details></RegistryEvent></RuleGroup></EventFiltering></Sysmon>";
static const char bad[] =
    "<Sysmon schemaversion='4.90'><Foo/><EventFiltering><ProcessCreate onmatch='include'><Imag>x</Imag></ProcessCreate>"
    "</EventFiltering></Sysmon>";

/* Fails the nth allocation for every n until there are no more than n. */
static void exhaust(const char *text, int without)
{
    const struct config_parameters parameters = { .system = CATALOGUE_LINUX, .image_load = "a,b" };
    bool reached = true;

    for (unsigned long n = 1; reached; n++) {
        struct config_diagnostics diagnostics;
        struct config *config = NULL;
        int rc;

        assert_true(n < 10000);
        allowed = n;
        rc = config_compile(&config, text, strlen(text), &parameters, &diagnostics);
        reached = allowed == 0;
        allowed = 0;
        assert_int_equal(rc == 0, config != NULL);
        if (!reached)
            assert_int_equal(rc, without);
        else
            assert_true(rc == -ENOMEM || rc == without);
        if (rc)
            assert_true(diagnostics.errors > 0);
        config_free(config);
        config_diagnostics_free(&diagnostics);
    }
}

static void sound_file(void **state)
{
    (void)state;
    exhaust(good, 0);
}

static void file_with_errors(void **state)
{
    (void)state;
    exhaust(bad, -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sound_file), cmocka_unit_test(file_with_errors) };

    return cmocka_run_group_tests_name("config_memory", tests, NULL, NULL);
}
