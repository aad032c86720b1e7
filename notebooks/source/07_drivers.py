# %% [markdown]
# # 07 Drivers: what moves satisfaction most, and who pays for whose success?
#
# **The question.** Three metrics are shown to move satisfaction. Which of them most? And does anybody's
# target work against it?
#
# **You will be able to** rank drivers with their uncertainty, see when a ranking is not to be had, name a
# conflict between a team's target and an outcome, and say who controls what.
#
# **You need** the judged map of [06 Evidence](06_evidence.ipynb).
#
# **25 minutes.**

# %%
import altair as alt

import ipo_nb as ipo
from ipo_nb import teaching as teach

alt.renderers.enable("svg")
case = ipo.load_sample("support")
evidence = ipo.weigh_links(case.ipo_map, case.panel)

# %% [markdown]
# A ranking by correlation flatters whatever drifts along. A ranking by coefficient compares minutes with
# percent. We ask something else: of the movement that the drivers explain together, how much is each one's
# share, averaged over every order in which they could be brought in?

# %%
drivers = ipo.rank_drivers(evidence, "Satisfaction")

# %% tags=["nbval-check-output"]
teach.say(drivers.text)

# %% [markdown]
# The shares are named after their authors (Lindeman, Merenda and Gold, 1980). They add up to one, they
# cannot be negative, and a driver that only repeats what another says has to divide its share with it.

# %%
ipo.charts.drivers_chart(drivers)

# %% [markdown]
# Look at the intervals before the order. Where they overlap widely, the order is an accident of these
# particular weeks, and the bracket at the side says so: drivers in one bracket cannot be ranked. A league
# table without it would be a fairy tale.

# %% tags=["nbval-check-output"]
drivers.table[["driver", "share", "share_low", "share_high", "tie_group", "team"]].round(2)

# %% [markdown]
# Rows without a share act through one of the others. What is shared out is only what the drivers explain at
# all, after season, trend and satisfaction's own past. That part has a size, and it is never everything.
# The rest is what nobody measured, and chance.

# %% tags=["nbval-check-output"]
round(float(drivers.explained), 2)

# %% [markdown]
# A share says how much of the ups and downs a driver accounts for. It does not say what a change would
# bring; that is `estimate`, in real units: points of satisfaction per unit of the driver, and how many
# weeks later.

# %% tags=["nbval-check-output"]
drivers.table[["driver", "estimate", "low", "high", "lag", "verdict"]].round(3)

# %% [markdown]
# Both columns are needed. A driver can have a large share and still be useless, if nobody can move it;
# another can matter little in the past, because it never moved, and be the best lever there is.

# %% [markdown]
# Now the question that started all this. A conflict is a metric that a team is asked to push one way, while
# the shown paths from it harm an outcome. Which one do we expect to find?

# %%
conflicts = ipo.find_conflicts(evidence)

# %% tags=["nbval-check-output"]
teach.say(conflicts.text)

# %% [markdown]
# Read it slowly: what is improved, by whom, what it costs, when, and how sure that is. The team does what
# it was asked to do, and does it well. The delay is what protects the conflict from being noticed: the
# month in which calls get shorter looks fine.

# %% tags=["nbval-check-output"]
conflicts.table[["team", "metric", "outcome", "hurt_team", "probability", "delay"]].round(2)

# %% [markdown]
# Some rows follow from a longer way. Satisfaction moves renewals, so whatever harms the one harms the other
# later. The interval widens along the way, since every link adds its own doubt.

# %% tags=["nbval-check-output"]
conflicts.table[["metric", "outcome", "via", "estimate", "low", "high"]].round(2)

# %% [markdown]
# What is to be done about it? Not to punish the team: to change what it is asked for. A *guardrail* is a
# second number beside the target that must not fall. Whoever wants shorter calls should have to show
# satisfaction a month later.

# %% [markdown]
# Last, who holds the levers? For each team: what it is judged on, and how far that is moved by itself or by
# others, as far as the data show it.

# %% tags=["nbval-check-output"]
held = ipo.accountability(evidence).table
held[["team", "judged_on", "can_move", "share_moved", "others"]].round(2)

# %% [markdown]
# The team Customer, which answers for satisfaction, moves nothing of what it is judged on. The drivers
# belong to the teams in the column `others`. A conversation between teams is worth more here than a target,
# and this table says who should be in the room.

# %% [markdown]
# The explorer shows the same for any outcome. Run the cell and press a driver: its paths to the outcome
# light up on the map. Then choose another outcome: for some, the honest answer is that nothing has been
# shown to move them.

# %%
explorer = ipo.widgets.DriverExplorer(evidence)
explorer.outcome = "Satisfaction"
explorer

# %% [markdown]
# A check: which team's target is in conflict with satisfaction?

# %%
team = ...
teach.check("07.1", team)

# %% [markdown]
# **What we found.** Satisfaction has a few shown drivers, some of which cannot be ranked; the support
# team's target for shorter calls harms it some weeks later; and the team that answers for it moves none of
# it.
#
# **What it does not show.** Drivers that are not on the map. A ranking is among the links that somebody
# thought of and the data could show.
#
# **Next:** [08 Scenario](08_scenario.ipynb): what would happen, and when, if we changed something.
