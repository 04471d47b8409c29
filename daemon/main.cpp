// The whole life of the program: read the settings, do what was asked.
#include "client_verbs.hpp"
#include "complaint.hpp"
#include "life.hpp"
#include "process.hpp"
#include "server/listeners.hpp"
#include "settings/settings.hpp"
#include "successor.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

std::optional<std::string> variable(const std::string& name) {
    const char* value = std::getenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): before any thread, or read only
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

/// What `--check-config` prints when there was nothing to complain about.
void print_checked(const epmd::settings& checked) {
    std::printf("%s: port %u, hosts: %zu\n",
                checked.config_file.empty() ? "good, without a configuration file"
                                            : (checked.config_file + " is good").c_str(),
                checked.port, checked.hosts.size());
    for (const auto& host : checked.hosts) {
        std::printf("%s =", host.name.c_str());
        for (const auto& address : host.addresses) {
            std::printf(" %s", to_string(address).c_str());
        }
        std::printf("\n");
    }
}

int run(const std::vector<std::string>& arguments) {
    const auto self = epmd::program::of_this_process(arguments);
    const auto read = [&](const std::optional<std::string>& file_text) {
        return epmd::read_settings(arguments, variable, self.directory, file_text);
    };
    epmd::settings settings;
    std::optional<epmd::file_error> mistake;
    try {
        settings = read({});
    } catch (const epmd::file_error& error) {
        settings = error.without_file();
        mistake = error;
    }
    if (mistake && settings.what != epmd::verb::serve && settings.what != epmd::verb::free_port) {
        throw epmd::file_error(*mistake);
    }
    switch (settings.what) {
    case epmd::verb::serve:
        return epmd::serve(std::move(settings), mistake, read, self);
    case epmd::verb::free_port:
        return epmd::free_port(settings);
    case epmd::verb::check_snapshot:
        return epmd::try_snapshot();
    case epmd::verb::names:
        return epmd::print_names(settings.port);
    case epmd::verb::dump:
        return epmd::print_dump(settings.port);
    case epmd::verb::started:
        return epmd::is_epmd_running(settings.port) ? EXIT_SUCCESS : EXIT_FAILURE;
    case epmd::verb::kill:
        return epmd::kill_epmd(settings.port);
    case epmd::verb::stop:
        return epmd::stop_node(settings.port, settings.stop_name);
    case epmd::verb::check_config:
        print_checked(settings);
        return EXIT_SUCCESS;
    case epmd::verb::version:
        std::puts("loopmd " LOOPMD_VERSION);
        return EXIT_SUCCESS;
    case epmd::verb::help:
        std::fputs(epmd::help_text().c_str(), stdout);
        return EXIT_SUCCESS;
    }
    return EXIT_FAILURE;
}

} // namespace

int main(int argc, char** argv) {
    try {
        epmd::occupy_standard_descriptors();
        return run({argv + 1, argv + argc});
    } catch (const epmd::usage_error& error) {
        epmd::complain_of_usage(error.what());
    } catch (const epmd::address_error& error) {
        epmd::complain_as_stock("cannot parse IP address \"" + error.given() + "\"");
    } catch (const epmd::listen_error& error) {
        epmd::complain_as_stock("failed to bind on ipaddr " + to_string(error.where()) + ": " + error.why().message());
    } catch (const epmd::no_systemd_sockets& error) {
        epmd::complain_as_stock(error.what());
    } catch (const std::exception& error) {
        epmd::complain(error.what());
    }
    return EXIT_FAILURE;
}
