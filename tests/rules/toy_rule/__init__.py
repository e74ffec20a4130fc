"""A third rule, small: fixed random features, and a perceptron on top of them.

Hidden weights stay as they were drawn. A sample that is predicted wrongly adds its last hidden
layer to the weights of its class, and takes it from those of the class predicted (Rosenblatt,
1958). It lives in a folder of its own, with a part on every floor, and is announced by
``quant.rule.register("toy", "toy_rule")``.
"""
