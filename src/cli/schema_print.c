/* SPDX-License-Identifier: MIT */
/*
 * The manifests are made from the catalogue: a row belongs to every schema from its first version on, and the history says
 * what was called otherwise before.
 */
#include "cli/schema_print.h"

#include "cli/exit_codes.h"
#include "schema_history.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct form {
    FILE *out;
    uint32_t version;
    enum catalogue_system system;
};

static const struct { const char *in, *out; } type_names[] = {
    [CATALOGUE_STRING] = { "win:UnicodeString", "xs:string" },
    [CATALOGUE_GUID] = { "win:GUID", NULL },
    [CATALOGUE_BOOL] = { "win:Boolean", NULL },
    [CATALOGUE_UINT16] = { "win:UInt16", NULL },
    [CATALOGUE_UINT32] = { "win:UInt32", NULL },
    [CATALOGUE_PID] = { "win:UInt32", "win:PID" },
    [CATALOGUE_HEX32] = { "win:HexInt32", NULL },
    [CATALOGUE_HEX64] = { "win:HexInt64", NULL },
};

static bool has_option(const struct form *form, const struct catalogue_option *option)
{
    if (option->flags & OPTION_FLAG_INTERNAL && !(option->flags & OPTION_FLAG_NOCONFIG))
        return false; /* internal builds only */
    if (form->system == CATALOGUE_WINDOWS && option->flags & OPTION_FLAG_LINUX)
        return false;
    return option->since <= form->version && (!option->until || option->until >= form->version);
}

static void print_option(const struct form *form, const struct catalogue_option *option)
{
    static const char *const arguments[] = { "none", "optional", "required" };

    fputs("      <option", form->out);
    if (option->switch_text)
        fprintf(form->out, " switch=\"%s\"", option->switch_text);
    fprintf(form->out, " name=\"%s\" argument=\"%s\"", option->name, arguments[option->argument]);
    if (option->flags & OPTION_FLAG_NOCONFIG)
        fputs(" noconfig=\"true\"", form->out);
    if (option->flags & OPTION_FLAG_EXCLUSIVE)
        fputs(" exclusive=\"true\"", form->out);
    if (option->flags & OPTION_FLAG_RULE)
        fputs(" rule=\"true\"", form->out);
    fputs(" />\n", form->out);
}

static void print_configuration(const struct form *form)
{
    const char *separator = "";

    fputs("  <configuration>\n    <options>\n", form->out);
    for (unsigned i = 0; i < CATALOGUE_OPTION_COUNT; i++)
        if (has_option(form, &catalogue_options[i]))
            print_option(form, &catalogue_options[i]);
    fputs("    </options>\n    <filters default=\"is\">", form->out);
    for (size_t i = 0; i < COUNT(schema_conditions); i++)
        if (schema_conditions[i].since <= form->version) {
            fprintf(form->out, "%s%s", separator, schema_conditions[i].name);
            separator = ",";
        }
    fputs("</filters>\n  </configuration>\n", form->out);
}

/* What the schema's time called the event. */
static void look_back(const struct form *form, const struct catalogue_event *event, const char **template_text, unsigned *version)
{
    *template_text = event->template_text;
    *version = event->version;
    for (size_t i = 0; i < COUNT(schema_earlier); i++) {
        const struct schema_earlier *earlier = &schema_earlier[i];
        if (earlier->event != event->id || form->version >= earlier->before)
            continue;
        if (earlier->template_text)
            *template_text = earlier->template_text;
        if (earlier->version)
            *version = earlier->version;
    }
}

static void print_target(const struct form *form, const struct catalogue_event *event)
{
    if (form->system == CATALOGUE_LINUX && event->systems != (CATALOGUE_WINDOWS | CATALOGUE_LINUX))
        fprintf(form->out, " target=\"%s\"", event->systems == CATALOGUE_LINUX ? "linux" : "windows");
}

static void print_event(const struct form *form, const struct catalogue_event *event)
{
    const char *template_text;
    unsigned version;

    look_back(form, event, &template_text, &version);
    fprintf(form->out, "    <event name=\"%s\" value=\"%u\" level=\"%s\" template=\"%s\"", event->symbol, event->id,
            event->level == 2 ? "Error" : "Informational", template_text);
    if (event->tag)
        fprintf(form->out, " rulename=\"%s\"", event->tag);
    if (event->tag && event->default_action != CATALOGUE_DEFAULT_NONE)
        fprintf(form->out, " ruledefault=\"%s\"", event->default_action == CATALOGUE_DEFAULT_INCLUDE ? "include" : "exclude");
    fprintf(form->out, " version=\"%u\"", version);
    print_target(form, event);
    fputs(">\n", form->out);
    for (uint32_t i = 0; i < event->field_count; i++) {
        const struct catalogue_field *field = &event->fields[i];
        if (field->since > form->version)
            continue;
        fprintf(form->out, "      <data name=\"%s\" inType=\"%s\"", field->name, type_names[field->type].in);
        if (type_names[field->type].out)
            fprintf(form->out, " outType=\"%s\"", type_names[field->type].out);
        fputs(" />\n", form->out);
    }
    fputs("    </event>\n", form->out);
}

static void print_manifest(FILE *out, const struct schema_version *schema, enum catalogue_system system)
{
    const struct form form = { out, schema->version, system };

    fprintf(out, "<manifest schemaversion=\"%s\" binaryversion=\"%s\">\n", schema->text, schema->binary);
    print_configuration(&form);
    fputs("  <events>\n", out);
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT; i++) {
        const struct catalogue_event *event = &catalogue_events[i];
        if (event->since <= form.version && (system == CATALOGUE_LINUX || event->systems & CATALOGUE_WINDOWS))
            print_event(&form, event);
    }
    fputs("  </events>\n</manifest>\n\n", out);
}

int schema_print(FILE *out, const char *wanted, enum catalogue_system system)
{
    bool all = wanted && !strcmp(wanted, "all"), found = false;

    for (size_t i = 0; i < COUNT(schema_versions) && (all || !found); i++) {
        const struct schema_version *schema = &schema_versions[i];
        if (all || (wanted ? !strncmp(schema->text, wanted, strlen(wanted)) : schema->version == CATALOGUE_SCHEMA_VERSION)) {
            print_manifest(out, schema, system);
            found = true;
        }
    }
    if (found)
        return EXIT_OK;
    fputs("There is no schema that matches that version.\n", stderr);
    return EXIT_FOUND;
}
