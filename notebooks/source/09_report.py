# %% [markdown]
# # 09 Report: how do we tell it to people who were not there?
#
# **The question.** Eight pages of work have to become one that a manager reads in two minutes and a sceptic
# can take apart in an hour. What belongs on it?
#
# **You will be able to** make the whole study in one call, write it as a single file that opens without
# internet, check later that it is what it claims to be, and run the same on your own numbers.
#
# **You need** a map and its series. The earlier pages say what the words mean.
#
# **20 minutes.**

# %%
import ipo_nb as ipo
from ipo_nb import teaching as teach

# %% [markdown]
# A study is all of the earlier pages in one call: audit, evidence, drivers, conflicts, accountability. It
# decides nothing that you did not decide on the map.

# %%
case = ipo.load_sample("support")
study = ipo.run_study(case.ipo_map, case.panel)

# %% [markdown]
# What should the headline be? Write one for yourself, then see which one the rules make: the surest and
# largest finding first, in words that a manager uses.

# %% tags=["nbval-check-output"]
teach.say(study.headline)

# %% [markdown]
# Under the headline stand three columns. The first says what drives the main outcome, each with size,
# interval and delay.

# %% tags=["nbval-check-output"]
teach.say(*study.driven_by)

# %% [markdown]
# The second says which local success costs a strategic goal. It names the metric, never a person: the team
# did what it was asked to do.

# %% tags=["nbval-check-output"]
teach.say(*study.conflicting)

# %% [markdown]
# The third says what the data cannot tell. It always stands there, also when it is empty, since a report
# without doubts is advertising. Each entry says what would settle it.

# %% tags=["nbval-check-output"]
teach.say(*study.unknown)

# %% [markdown]
# Now the file. It is one HTML page with its drawings inside. It asks nothing of the network, works on a
# phone and in print, and can be opened in ten years.

# %% tags=["nbval-check-output"]
report = ipo.write_report(study, "support_report.html")
report.name

# %% [markdown]
# Open it from the file list at the left, or send it to yourself. After the first screen come the map as the
# data judge it, the ranking, each link with its evidence, then method, reading decisions and versions: what
# the sceptic needs.

# %% [markdown]
# A file that travels can be changed on the way, or grow old while the data move on. So a report carries
# what is needed to check it.

# %% tags=["nbval-check-output"]
teach.say(ipo.verify_report(report).text)

# %% [markdown]
# Everything in the report is also there as plain values, for a dashboard of your own or a comparison with
# last quarter.

# %% tags=["nbval-check-output"]
list(study.to_dict())

# %% [markdown]
# Let us say what each part answers to, for the meeting. *How sure are you?* The interval, and the grade.
# *Could it be chance?* The correction for many links. *Could it be something else?* Yes: whatever is not on
# the map, and here the third column and the limits have to be read aloud.

# %% [markdown]
# ## Your own numbers
# You need two files that people can edit and one with the series. The inventory lists the metrics; the map
# lists the links and says where the numbers are. A copy of the case shows their shape.

# %%
my_map_file = teach.own_copy("support")
my_map = ipo.read_map(my_map_file)
my_panel = ipo.read_series(None, my_map)

# %%
teach.say(my_panel.text)

# %% [markdown]
# `None` stands for *the file that the map itself names*. Put your files in place of these, and run the page
# again from the top. What cannot be read with certainty is refused with its place, and nothing is filled
# in.

# %% [markdown]
# The same from a terminal, for a job that runs each Monday: `ipo-nb audit map.yml` needs no data, `ipo-nb
# report map.yml -o report.html` does it all, `ipo-nb verify report.html` checks a file, and `ipo-nb new
# folder` starts a project.

# %% [markdown]
# A good order for a first project: one outcome, about ten metrics, an afternoon with the people who know
# the work, links with reasons, then the data. Write the lags down before you look. Two years of weeks are a
# start; the third column will say what is missing.

# %% [markdown]
# Before you mail it, read the second column to the team that it concerns, in a quiet room. They will know
# something that is not on the map. Put it there, and run the study again.

# %% [markdown]
# **What we found.** A study of one map and one set of series fits in a file of moderate size; its first
# screen says what drives the outcome, what a local win costs and what cannot be said.
#
# **What it does not show.** Whether anybody will act on it. And no report makes observational data into an
# experiment: where a decision is dear, try it in one place first.
#
# **Next:** your own metrics, with `ipo-nb new`, or the [tour](00_start.ipynb) once more with other eyes.
