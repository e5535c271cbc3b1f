/**
 * What the gradients say: measurements, and verdicts with their evidence and a remedy.
 *
 * <p>Read {@link dev.thaw.diagnose.Diagnosis} (a model looked at on some batches) and {@link
 * dev.thaw.diagnose.Verdict} (what can be found), then the measurements: {@link
 * dev.thaw.diagnose.GradientHealth} (what flows through each layer, how far it moves), {@link
 * dev.thaw.diagnose.Trend} (gradients over depth), {@link dev.thaw.diagnose.RankMeter} and {@link
 * dev.thaw.diagnose.JacobianProfile} (how many directions are left) against {@link
 * dev.thaw.diagnose.RankNull} (how many chance leaves), {@link dev.thaw.diagnose.LossCurves} and
 * {@link dev.thaw.diagnose.GradientSpikes} (a training from outside). {@code train.Checkup} takes
 * the same measurements during a training.
 *
 * <h2>The limits, and how often they are right</h2>
 *
 * <p>A net is called
 *
 * <ul>
 *   <li>vanishing where gradient norms fade by more than 2 decades from the last hidden layer to
 *       the first, or a trained layer gets none at all;
 *   <li>exploding where they grow by more than 1.2 decades, a value is not finite, or a few steps
 *       of training diverge;
 *   <li>rank-collapsed where the Jacobian keeps less than 0.2 of the effective rank that chance
 *       leaves, a weight less than 0.2 of a random one's, or the head's input less than a quarter
 *       of the directions that its classes need.
 * </ul>
 *
 * <p>Measured on fresh Mlps. A net counts as one that trains when 300 steps of 64 pictures with SGD
 * and momentum 0.9, at the better of the rates 0.05 and 0.005, end at 50 % accuracy or more. The
 * first set, 121 nets of width 64 on MNIST - relu, tanh, sigmoid; depths 2 to 30; the starts
 * default, he, xavier, orthogonal, normal; gains from 0.5 to 50; planted equal, positive and rank-1
 * weights - chose the limits of the first two lines. The second, 74 nets of width 32 on
 * Fashion-MNIST at depths 3 to 25, other gains and another seed, was judged by them afterwards;
 * only the limit on the head's input was set with it in view.
 *
 * <table>
 *   <caption>Verdict against outcome: nets that train, nets that do not</caption>
 *   <tr><th>verdict</th><th>first: train</th><th>do not</th><th>second: train</th><th>do not</th></tr>
 *   <tr><td>healthy</td><td>55</td><td>2</td><td>37</td><td>1</td></tr>
 *   <tr><td>vanishing</td><td>4</td><td>37</td><td>2</td><td>22</td></tr>
 *   <tr><td>exploding</td><td>0</td><td>12</td><td>1</td><td>5</td></tr>
 *   <tr><td>rank-collapsed</td><td>4</td><td>7</td><td>1</td><td>5</td></tr>
 * </table>
 *
 * <p>So 111 of 121 and 69 of 74 verdicts were right. Those that were wrong lie near a limit, but
 * for four nets with one rank-1 weight, which are collapsed as measured and yet mend themselves in
 * training. Adam is more forgiving: of the 12 nets at 2 to 3 decades it trains 10 (at rate 0.001).
 *
 * <p>Two rules one meets elsewhere did worse. A limit of 0.3 decades a layer, or of 3 deviations
 * from He's ReLU nets, is right for 96 of 121 and 53 of 74: shallow nets bear a steep slope, and in
 * wide ones a harmless one is many deviations. So both are evidence here, and the whole loss over
 * depth decides. An effective rank of the Jacobian below the number of classes is no collapse: He's
 * ReLU net of 20 layers has 5.9 for 10 classes and trains.
 *
 * <p>Imports {@code memory}, {@code backend}, {@code tensor}, {@code nn}, {@code optim}, {@code
 * data}, {@code models}.
 */
@NullMarked
package dev.thaw.diagnose;

import org.jspecify.annotations.NullMarked;
