/* SPDX-License-Identifier: MIT */
#include "cli/usage.h"

#include "cli/command.h"
#include "cli/config_file.h"
#include "port/host.h"

#include <string.h>

#define LABEL_COLUMN 25
#define TEXT_COLUMN 7
#define DEFAULT_WIDTH 80

static bool here(unsigned flags)
{
    return !(flags & (OPTION_FLAG_WINDOWS | OPTION_FLAG_LINUX)) ||
           flags & (SYSTEM_HERE == CATALOGUE_WINDOWS ? OPTION_FLAG_WINDOWS : OPTION_FLAG_LINUX);
}

/* Words from column `column` on, wrapped at the last blank before the width; the first line begins where the cursor is. */
static void wrap(FILE *out, const char *text, int column)
{
    int width = host_console_width(), used = column;

    width = (width > 2 * TEXT_COLUMN ? width : DEFAULT_WIDTH) - 1;
    while (*text) {
        int size = (int)strcspn(text, " ");
        if (used > column && used + 1 + size > width) {
            fprintf(out, "\n%*s", column, "");
            used = column;
        }
        if (used > column)
            used += fprintf(out, " ");
        used += fprintf(out, "%.*s", size, text);
        text += size + (text[size] == ' ');
    }
    fputc('\n', out);
}

static const char *base_name(const char *path)
{
    const char *base = path;

    for (; *path; path++)
        if (*path == '/' || (*path == '\\' && SYSTEM_HERE == CATALOGUE_WINDOWS))
            base = path + 1;
    return base;
}

void banner_print(FILE *out)
{
    fprintf(out, "\n%s v%s - System activity monitor\nCompatible with the configurations and events of Sysmon\n"
                 "Licensed under MIT\n\n", PRODUCT_NAME, PRODUCT_VERSION);
}

static void print_lines(FILE *out, const char *program)
{
    static const struct { const char *label, *arguments; unsigned flags; } lines[] = {
        { "Install:", "-i [<configfile>]" },
        { "Update configuration:", "-c [<configfile>]" },
        { "Install event manifest:", "-m", OPTION_FLAG_WINDOWS },
        { "Print schema:", "-s" },
        { "Uninstall:", "-u [force]" },
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (here(lines[i].flags))
            fprintf(out, "%-*s%s %s\n", LABEL_COLUMN, lines[i].label, program, lines[i].arguments);
    for (const struct command *command = commands; command->name; command++) {
        char label[64];
        snprintf(label, sizeof(label), "%c%s:", command->name[0] - 32, command->name + 1);
        fprintf(out, "%-*s%s %s …\n", LABEL_COLUMN, label, program, command->name);
    }
}

static void print_switches(FILE *out)
{
    static const struct { const char *name, *text; unsigned flags; } switches[] = {
        { "c", "Update configuration of an installed monitor or dump the current configuration if no other argument is provided. "
               "Optionally take a configuration file. '-c --' resets it to the defaults." },
        { "i", "Install and start the service. Optionally take a configuration file." },
        { "m", "Install the event manifest (done on service install as well).", OPTION_FLAG_WINDOWS },
        { "s", "Print configuration schema definition of the specified version. Specify 'all' to dump all schema versions "
               "(default is the current one)." },
        { "u", "Uninstall service. Adding force causes uninstall to proceed even when some components are not installed." },
        { "btf", "Take the kernel's type information from the specified file instead of /sys/kernel/btf/vmlinux.", OPTION_FLAG_LINUX },
        { "t", "Monitor in the foreground and print the events. Optional argument 'verbose' prints every field." },
    };

    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
        if (!here(switches[i].flags))
            continue;
        fprintf(out, "  -%-*s", TEXT_COLUMN - 3, switches[i].name);
        wrap(out, switches[i].text, TEXT_COLUMN);
    }
    for (const struct command *command = commands; command->name; command++) {
        fprintf(out, "  %s: ", command->name);
        wrap(out, command->summary, TEXT_COLUMN);
    }
}

void usage_write(FILE *out, const char *program)
{
    static const char *const paragraphs[] = {
#ifdef _WIN32
        ("The service logs events immediately and the driver installs as a boot-start driver to capture activity from early in the "
         "boot that the service will write to the event log when it starts."),
        "On Vista and higher, events are stored in \"Applications and Services Logs/Microsoft/Windows/Sysmon/Operational\".",
        "Use the '-? config' command for configuration file documentation.",
        "Specify -accepteula for compatibility; there is nothing to accept.",
#else
        ("The monitor logs events immediately. Installed, it writes them to the system log; 'run --output' knows files, sockets, "
         "syslog, the journal and Kafka."),
        "Use the '-? config' command for configuration file documentation.",
#endif
        "Neither install nor uninstall requires a reboot.",
    };

    fputs("Usage:\n", out);
    print_lines(out, base_name(program));
    fputc('\n', out);
    print_switches(out);
    for (size_t i = 0; i < sizeof(paragraphs) / sizeof(paragraphs[0]); i++) {
        fputc('\n', out);
        wrap(out, paragraphs[i], 0);
    }
    fputc('\n', out);
}

static void print_entries(FILE *out)
{
    static const struct { const char *name, *value, *text; } entries[] = {
        { "ArchiveDirectory", "String", "Name of directories at volume roots into which copy-on-delete files are moved." },
        { "CheckRevocation", "Boolean", "Controls signature revocation checks. Default: True" },
        { "CopyOnDelete_PE", "Boolean", "Schemas up to 4.23: preserves deleted executable image files." },
        { "CopyOnDelete_SIDs", "Strings", "Schemas up to 4.23: comma-separated account SIDs whose deletes are preserved." },
        { "CopyOnDelete_Extensions", "Strings", "Schemas up to 4.23: extensions of files that are preserved on delete." },
        { "CopyOnDelete_Processes", "Strings", "Schemas up to 4.23: processes whose deletes are preserved." },
        { "DnsLookup", "Boolean", "Controls reverse DNS lookup. Default: True" },
        { "DriverName", "String", "Uses the specified name for driver and service images." },
        { "HashAlgorithms", "Strings", "Hash algorithms to apply: sha1, md5, sha256, imphash, or * for all. Default: sha256" },
        { "FieldSizes", "Strings", "Longest text of fields, such as CommandLine:100,Image:20" },
    };

    fprintf(out, "   %-24s %-9s %s\n", "Entry", "Value", "Description");
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        fprintf(out, "   %-24s %-9s ", entries[i].name, entries[i].value);
        wrap(out, entries[i].text, 38);
    }
}

static void print_events(FILE *out)
{
    fprintf(out, "%-6s %-20s %s\n", "Id", "Tag", "Event");
    for (unsigned i = 0; i < CATALOGUE_EVENT_COUNT; i++) {
        const struct catalogue_event *event = &catalogue_events[i];
        if (event->tag && (event->systems & CATALOGUE_WINDOWS || SYSTEM_HERE == CATALOGUE_LINUX))
            fprintf(out, "%-6d %-20s %s\n", event->id, event->tag, event->template_text);
    }
    fprintf(out, "\nNot observed on this system: ");
    for (unsigned i = 0, printed = 0; i < CATALOGUE_EVENT_COUNT; i++)
        if (!(catalogue_events[i].systems & SYSTEM_HERE))
            fprintf(out, "%s%u", printed++ ? ", " : "", catalogue_events[i].id);
    fputs(". Their rules load and are ignored.\n", out);
}

static void print_conditions(FILE *out)
{
    static const struct { const char *name, *text; } conditions[] = {
        { "is", "Default, values are equal." },
        { "is any", "The field is one of the ; delimited values." },
        { "is not", "Values are different." },
        { "contains", "The field contains this value." },
        { "contains any", "The field contains any of the ; delimited values." },
        { "contains all", "The field contains all of the ; delimited values." },
        { "excludes", "The field does not contain this value." },
        { "excludes any", "The field does not contain one or more of the ; delimited values." },
        { "excludes all", "The field does not contain any of the ; delimited values." },
        { "begin with", "The field begins with this value." },
        { "end with", "The field ends with this value." },
        { "not begin with", "The field does not begin with this value." },
        { "not end with", "The field does not end with this value." },
        { "less than", "Lexicographical comparison is less than zero." },
        { "more than", "Lexicographical comparison is more than zero." },
        { "image", "Match an image path: the full path, or only the image name. lsass.exe will match c:\\windows\\system32\\lsass.exe." },
    };

    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        fprintf(out, "   %-15s ", conditions[i].name);
        wrap(out, conditions[i].text, 19);
    }
}

static const char sample_file[] =
    "   <Sysmon schemaversion=\"%u.%02u\">\n"
    "      <!-- Capture all hashes -->\n"
    "      <HashAlgorithms>*</HashAlgorithms>\n"
    "      <EventFiltering>\n"
    "         <!-- Log all drivers except if the signature -->\n"
    "         <!-- contains Microsoft or Windows -->\n"
    "         <DriverLoad onmatch=\"exclude\">\n"
    "            <Signature condition=\"contains\">microsoft</Signature>\n"
    "            <Signature condition=\"contains\">windows</Signature>\n"
    "         </DriverLoad>\n"
    "         <!-- Do not log process termination -->\n"
    "         <ProcessTerminate onmatch=\"include\" />\n"
    "         <!-- Log network connection if the destination port equals 443 -->\n"
    "         <!-- or 80, and the process isn't Internet Explorer -->\n"
    "         <NetworkConnect onmatch=\"include\">\n"
    "            <DestinationPort>443</DestinationPort>\n"
    "            <DestinationPort>80</DestinationPort>\n"
    "         </NetworkConnect>\n"
    "         <NetworkConnect onmatch=\"exclude\">\n"
    "            <Image condition=\"end with\">iexplore.exe</Image>\n"
    "         </NetworkConnect>\n"
    "      </EventFiltering>\n"
    "   </Sysmon>\n";

static const char sample_group[] =
    "   <EventFiltering>\n"
    "      <RuleGroup name=\"group 1\" groupRelation=\"and\">\n"
    "         <ProcessCreate onmatch=\"include\">\n"
    "            <Image condition=\"contains\">timeout.exe</Image>\n"
    "            <CommandLine condition=\"contains\">100</CommandLine>\n"
    "         </ProcessCreate>\n"
    "      </RuleGroup>\n"
    "   </EventFiltering>\n";

static const char sample_rule[] =
    "   <ProcessCreate onmatch=\"include\">\n"
    "      <Rule groupRelation=\"and\" name=\"waiting\">\n"
    "         <Image condition=\"contains\">timeout.exe</Image>\n"
    "         <CommandLine condition=\"contains\">100</CommandLine>\n"
    "      </Rule>\n"
    "      <Image condition=\"end with\">cmd.exe</Image>\n"
    "   </ProcessCreate>\n";

static const char sample_name[] =
    "   <NetworkConnect onmatch=\"include\">\n"
    "      <DestinationPort name=\"web\" condition=\"is\">443</DestinationPort>\n"
    "   </NetworkConnect>\n";

void configuration_help_write(FILE *out)
{
    unsigned major = CATALOGUE_SCHEMA_VERSION >> 16, minor = CATALOGUE_SCHEMA_VERSION & 0xFFFF;

    fprintf(out, "Configuration usage (current schema is version: %u.%02u):\n\n", major, minor);
    wrap(out, "Configuration files can be specified after the -i (installation) or -c (configuration) switches. They make it easier to "
              "deploy a preset configuration and to filter captured events.", 0);
    fputs("\nA simple configuration file looks like:\n\n", out);
    fprintf(out, sample_file, major, minor);
    fputc('\n', out);
    wrap(out, "The configuration file contains a schemaversion attribute on the Sysmon tag. This version is independent of the "
              "program's version and allows the parsing of older configuration files. 'check FILE' says what is wrong with a file.", 0);
    fputs("\nConfiguration entries are directly under the Sysmon tag and filters are under the EventFiltering tag:\n\n", out);
    print_entries(out);
    fputs("\nEvent filtering is by event tag:\n\n", out);
    print_events(out);
    fputc('\n', out);
    wrap(out, "Each event can have zero or more filter tags under it, one for each field to look at ('-s' lists the fields). The onmatch "
              "attribute says what happens on a match: 'include' logs matching events only, 'exclude' logs all but those. With both for "
              "one event, exclude has precedence. Without filters, include logs nothing and exclude logs everything.", 0);
    fputs("\nA filter compares by its condition attribute, ignoring case:\n\n", out);
    print_conditions(out);
    fputc('\n', out);
    wrap(out, "Filters of the same field are alternatives, filters of different fields must all match. A RuleGroup changes that with its "
              "groupRelation:", 0);
    fprintf(out, "\n%s\n", sample_group);
    wrap(out, "A Rule combines several conditions and stands beside other filters:", 0);
    fprintf(out, "\n%s\n", sample_rule);
    wrap(out, "A name on a filter, Rule or RuleGroup appears in the field RuleName of the events it matched:", 0);
    fprintf(out, "\n%s\n", sample_name);
}
