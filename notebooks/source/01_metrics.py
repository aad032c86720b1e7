# %% [markdown]
# # 01 Metrics: what do we measure, and what is each number for?
#
# **The question.** Five teams of a support centre report their numbers every week. Which of these numbers
# are means, and which are ends?
#
# **You will be able to** sort metrics into inputs, processes and outcomes, say of each who can move it, and
# keep them in an inventory that refuses what cannot stand.
#
# **You need** a list of metrics; no data yet. The [tour](00_start.ipynb) helps but is not needed.
#
# **20 minutes.**

# %% [markdown]
# The package is one import. Cases for practice come with it, by name. The support case was made by a
# program, so that its truth is known and we can be caught out; an organisation's own list is read with
# `ipo.read_inventory("metrics.csv")`.

# %%
import ipo_nb as ipo
from ipo_nb import teaching as teach

# %%
case = ipo.load_sample("support")
inventory = case.ipo_map.inventory

# %% [markdown]
# Before looking, guess: of all the numbers that a support centre reports, how many say that customers got
# what they came for? Most lists hold many activities and few results.

# %% tags=["nbval-check-output"]
teach.say(inventory.text)

# %% [markdown]
# The three words are the whole method. An **input** is a resource that somebody decides on: people, hours,
# budget. A **process** is an activity that these resources feed. An **outcome** is what the organisation
# exists for. Strategy is written in outcomes; budgets are spent on inputs; days are filled with processes.

# %% tags=["nbval-check-output"]
table = inventory.table
table[["name", "stage", "team", "unit", "better"]]

# %% [markdown]
# Read down the column `stage`. The test for an outcome is simple: would you still want it if nothing else
# followed from it? Satisfied customers, yes. Short calls, no: nobody founds a company to have short calls.
# They are a means, and a means can be overdone.

# %% [markdown]
# Next we count what each team answers for. We expect departments to be judged on what they do, and somebody
# else to answer for the results.

# %% tags=["nbval-check-output"]
table.groupby(["team", "stage"]).size().unstack(fill_value=0)[["input", "process", "outcome"]]

# %% [markdown]
# Support has processes only, Customer has outcomes only. Neither is the mistake of any one person, and yet
# this is how local wins come to lose: one team can improve its numbers without ever meeting the result, and
# the other answers for results that it has no hand in.

# %% [markdown]
# A metric holds more than a name. Here is the one that the support team is judged on most.

# %% tags=["nbval-check-output"]
table.set_index("name").loc[["Handle minutes"]].T

# %% [markdown]
# `better` says *lower*, and the team has a target. Both are wishes, written down as such. Whether shorter
# calls are good for the strategy is a different question; it needs links and data, and it is the thread
# through all of these pages.

# %% [markdown]
# `controllable` runs from 0 (nobody in the team can move it) to 3 (the team sets it). We expect it to fall
# as we walk from inputs to outcomes.

# %% tags=["nbval-check-output"]
table.groupby("stage", sort=False)["controllable"].agg(["count", "mean", "max"]).round(1)

# %% [markdown]
# That is the bargain of every KPI system: what we care about lies far from what we can move. The map on the
# next page builds the bridge. Without it, a target for an outcome is a wish addressed to nobody.

# %% [markdown]
# Names must be kept apart, or two teams will argue about one number. Two names are the same if they differ
# only in case or spaces. What does the inventory say to a second "wait  MINUTES"?

# %% tags=["nbval-check-output"]
twice = [*inventory, ipo.Metric("wait  MINUTES", "process")]
teach.refused(ipo.Inventory.of, twice)

# %% [markdown]
# A refusal is a sentence: what was given, what is wrong with it, what to do. It names the place when there
# is a file, and all faults of a file come at once. Now a slip of the finger in the stage.

# %% tags=["nbval-check-output"]
teach.refused(ipo.Metric, "Abandoned calls", "proces")

# %% [markdown]
# Some metrics are arithmetic. Paid hours are *defined* by two others; that they move together is no
# discovery. An inventory says so with a formula, and no later page will spend a test on it.

# %% tags=["nbval-check-output"]
inventory["Paid hours"].formula

# %% [markdown]
# The editor below shows the same inventory as a grid. Run the cell to use it: choose a cell and type, or
# copy a block in a spreadsheet and paste it. What the inventory refuses is said in its own words, and the
# metric stays as it last was. In a page that nobody has run, you see a plain table.

# %%
editor = ipo.widgets.InventoryEditor(inventory)
editor

# %% [markdown]
# Nothing is hidden in the grid. Its value is an ordinary inventory, and the original has not changed.
# Whatever you do there, a line of Python can do; *As code* under the grid says which.

# %% tags=["nbval-check-output"]
abandoned = ipo.Metric("Abandoned calls", "process", team="Support", better="lower")
longer = ipo.Inventory.of([*editor.inventory, abandoned])
teach.say(inventory.text, longer.text)

# %% [markdown]
# A check, if you like: how many outcomes has the team **Customer**? Put a number in place of the dots. Left
# alone, it stops nothing.

# %%
customer_outcomes = ...
teach.check("01.1", customer_outcomes)

# %% [markdown]
# **What we found.** The list has far more processes than outcomes; one team is judged on processes alone
# and another on outcomes alone.
#
# **What it does not show.** Whether any of these numbers moves another. A stage is a judgement, and
# reasonable people differ on it: the useful thing is to have it written down.
#
# **Next:** [02 Links](02_links.ipynb), where we write down who is believed to move what, and why.
