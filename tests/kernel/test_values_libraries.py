"""Data frames and estimators, the most common values."""

from __future__ import annotations

FRAME = (
    "import pandas as pd\n"
    "df = pd.DataFrame({'a': [1, 2, 3], 'b': [1.5, 2, 3], 's': ['x', 'y', None],\n"
    "  't': pd.date_range('2020', periods=3), 'c': pd.Categorical(['u', 'v', 'u'])})\n"
)


def test_frames_come_back_equal_and_unchanged_ones_are_not_written_again(chain):
    chain.step(
        FRAME + "text = df.to_json(); types = [str(t) for t in df.dtypes]", writes="df text types"
    )
    before = chain.pointers()
    chain.step(
        "assert df.to_json() == text and [str(t) for t in df.dtypes] == types\n"
        "df.describe(); df.groupby('c', observed=True).a.sum(); df.sort_values('a'); df['a'] + 1",
        reads="df text types",
    )
    assert chain.pointers() == before


def test_a_column_taken_from_a_frame_is_its_own_value(chain):
    chain.step(
        FRAME + "y = df['a']; part = df[['b']]; labels = df.index", writes="df y part labels"
    )
    assert len({chain.object(name) for name in ("df", "y", "part", "labels")}) == 4
    before = chain.pointers()
    chain.step("df.loc[0, 'a'] = 100; df['new'] = 1; assert y[0] == 1", reads="df y", writes="df")
    assert chain.pointers()["y"] == before["y"]
    assert chain.pointers()["df"] != before["df"]
    chain.step("assert y[0] == 1 and df.loc[0, 'a'] == 100", reads="df y")


def test_frames_in_one_object_never_leak_writes_into_each_other(chain):
    chain.step(FRAME + "box = [df, df['a'], df.copy(deep=False)]", writes="df box")
    chain.step(
        "assert box[0] is df\ndf.loc[0, 'a'] = 100\nassert box[1][0] == 1 and box[2].a[0] == 1\n"
        "box[1][1] = 7; assert df.a[1] == 2",
        reads="df box",
    )


def test_a_view_of_a_frame_is_saved_with_it(chain):
    chain.step(
        "import pandas as pd\ndf = pd.DataFrame({'a': [1., 2.]}); x = df.to_numpy()", writes="df x"
    )
    assert chain.object("df") == chain.object("x")
    chain.step("df.iloc[0, 0] = 9; assert x[0, 0] == 9", reads="df x")


def test_fitted_estimators_predict_the_same(chain):
    chain.step(
        "import numpy as np\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import StandardScaler\n"
        "x = np.random.default_rng(0).normal(size=(60, 4)); y = (x[:, 0] > 0).astype(int)\n"
        "forest = RandomForestClassifier(5, random_state=0).fit(x, y)\n"
        "line = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)\n"
        "expected = [forest.predict_proba(x), line.predict_proba(x)]",
        writes="x forest line expected",
    )
    before = chain.pointers()
    report = chain.step(
        "import numpy as np\n"
        "assert np.array_equal(forest.predict_proba(x), expected[0])\n"
        "assert np.array_equal(line.predict_proba(x), expected[1])",
        reads="x forest line expected",
    )
    assert chain.pointers() == before, report
    assert chain.object("forest") != chain.object("line")
