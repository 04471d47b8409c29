/// The verbs, one a file.
#pragma once

#include "verb.hpp"

namespace epmd::ctl {

extern const verb hosts_verb;
extern const verb nodes_verb;
extern const verb status_verb;
extern const verb watch_verb;
extern const verb doctor_verb;
extern const verb exec_verb;
extern const verb wait_verb;
extern const verb wait_free_verb;
extern const verb inetrc_verb;
extern const verb etc_hosts_verb;
extern const verb reload_verb;
extern const verb upgrade_verb;

} // namespace epmd::ctl
