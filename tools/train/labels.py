"""Names of classes: what a data set's annotations call them, what a model was trained on, and how the two meet."""

# in the order of src/core/labels.ts: categories of COCO 2017 sorted by id
COCO80 = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,"
    "parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,"
    "suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,"
    "tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,"
    "hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,"
    "cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush"
).split(",")
SETS = {"coco80": COCO80}


def names_of(labels):
    """The name of a label set, or a list -> the names, class by class."""
    return SETS[labels] if isinstance(labels, str) else list(labels)


def short(names):
    """How model.json writes them: a label set's name where it is one."""
    return next((name for name, known in SETS.items() if known == list(names)), list(names))


def category_names(coco):
    """Names of a COCO file's categories, sorted by id."""
    names = [c["name"] for c in sorted(coco["categories"], key=lambda c: c["id"])]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"two categories have the same name: {twice}. Rename one of each in `categories`")
    return names


def carry_outputs(state, head, old, new):
    """Fits a detector's state to a head with other classes, in place. The rows of classes both know go over by name, so do
    the rows of the distances; classes the state does not know keep the rows that `head` has."""
    kept = [(i, old.index(name)) for i, name in enumerate(new) if name in old]
    for level, conv in enumerate(head.out):
        for part in ("weight", "bias"):
            key = f"head.out.{level}.{part}"
            rows, given = getattr(conv, part).detach().clone(), state[key]
            if len(given) != len(old) + 4 * head.bins:
                raise ValueError(f"{key} has {len(given)} rows; {len(old)} classes and 4 x {head.bins} bins need another number")
            rows[len(new) :] = given[len(old) :]
            for to, origin in kept:
                rows[to] = given[origin]
            state[key] = rows
    return [new[i] for i, _ in kept]
